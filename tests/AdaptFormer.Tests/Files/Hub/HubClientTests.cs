using System.Text;
using AdaptFormer.Files;
using AdaptFormer.Files.Hub;
using AdaptFormer.Tests.Files;
using Xunit;

namespace AdaptFormer.Tests.Files.Hub;

public sealed class HubClientTests : IDisposable
{
    private const string Weights = "model.safetensors";
    private static readonly HubId Id = HubId.Parse(FakeHub.Repository);
    private readonly TestFolder _folder = new();
    private readonly FakeHub _hub = new();
    private readonly byte[] _weights = new byte[300_000];

    public HubClientTests()
    {
        new Random(5).NextBytes(_weights);
        _hub.Files["config.json"] = Encoding.UTF8.GetBytes("{\"num_attention_heads\": 3}");
        _hub.Files["model.safetensors"] = _weights;
        _hub.Files["pytorch_model.bin"] = [1, 2, 3];
        _hub.Files["README.md"] = [4];
    }

    private HubCache Cache => new(_folder.PathOf("cache"));

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_pull_takes_one_set_of_weights_and_its_description_and_can_then_be_found()
    {
        Assert.Throws<FileNotFoundException>(() => Cache.Find(Id));
        string folder = await Pull();
        Assert.Equal(folder, Cache.Find(Id));
        Assert.Equal(folder, Cache.Find(HubId.Parse($"{FakeHub.Repository}@{FakeHub.Commit}")));
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.True(File.Exists(Path.Combine(folder, "config.json")));
        Assert.False(File.Exists(Path.Combine(folder, "pytorch_model.bin")));
        Assert.False(File.Exists(Path.Combine(folder, "README.md")));
    }

    [Fact]
    public async Task What_is_here_is_not_fetched_again_and_what_was_damaged_here_is()
    {
        string folder = await Pull();
        _hub.Requests.Clear();
        await Pull();
        Assert.DoesNotContain(_hub.Requests, request => request.Contains("/resolve/", StringComparison.Ordinal));

        byte[] damaged = [.. _weights];
        damaged[777] ^= 1;
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), damaged);
        await Pull();
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [Fact]
    public async Task A_pull_beside_another_waits_for_it_and_tells_how_far_it_is()
    {
        string folder = Directory.CreateDirectory(Cache.FolderOf(Id, FakeHub.Commit)).FullName;
        TaskCompletionSource<PullProgress> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using HubClient client = new(new HubOptions(_hub.Endpoint));
        Task<string> pull;
        using (FolderLock.Take(folder))
        {
            File.WriteAllBytes(Path.Combine(folder, "model.safetensors.part"), _weights[..1000]);
            pull = client.PullAsync(Id, Cache, progress: progress => told.TrySetResult(progress));
            Assert.Equal(new PullProgress("model.safetensors", 1000, _weights.Length), await told.Task.WaitAsync(TimeSpan.FromSeconds(30)));
            Assert.False(pull.IsCompleted);
        }

        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(await pull, "model.safetensors")));
        Assert.False(File.Exists(Path.Combine(folder, FolderLock.Name)));
    }

    [Fact]
    public async Task Pulls_at_the_same_time_all_end_well()
    {
        string[] folders = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(Pull)));
        Assert.All(folders, folder => Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))));
        Assert.Single(_hub.Requests, request => request.Contains("/resolve/", StringComparison.Ordinal) && request.Contains("model.safetensors", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_broken_download_goes_on_where_it_ended()
    {
        _hub.Behave = (file, before) => file == Weights && before == 0 ? FakeHub.Manner.BreakOffHalfway : FakeHub.Manner.Honest;
        string folder = await Pull();
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        string resumed = Assert.Single(_hub.Requests, request => request.Contains("bytes=", StringComparison.Ordinal));
        Assert.False(resumed.EndsWith("bytes=0-", StringComparison.Ordinal), "it began again");
    }

    [Theory]
    [InlineData("IgnoreRange")]
    [InlineData("AnswerWrongRange")]
    [InlineData("Unavailable")]
    [InlineData("GoSilentHalfway")]
    [InlineData("Redirect")]
    public async Task A_server_that_answers_badly_after_a_broken_download_still_gives_the_right_bytes(string manner)
    {
        _hub.Behave = (file, before) => (file, before) switch
        {
            (Weights, 0) => FakeHub.Manner.BreakOffHalfway,
            (Weights, 1) => Enum.Parse<FakeHub.Manner>(manner),
            _ => FakeHub.Manner.Honest,
        };
        // A machine that is busy may make an honest answer look silent too, and that costs an attempt.
        string folder = manner == "GoSilentHalfway" ? await Pull(TimeSpan.FromSeconds(1), attempts: 10) : await Pull();
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [Fact]
    public async Task A_server_that_never_finishes_is_given_up_and_what_came_stays()
    {
        _hub.Behave = (file, _) => file == Weights ? FakeHub.Manner.BreakOffHalfway : FakeHub.Manner.Honest;
        IOException error = await Assert.ThrowsAsync<IOException>(Pull);
        Assert.Contains("given up after 3 attempts", error.Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => Cache.Find(Id));
        Assert.True(new FileInfo(Path.Combine(Cache.FolderOf(Id, FakeHub.Commit), "model.safetensors.part")).Length > 0);

        _hub.Behave = (_, _) => FakeHub.Manner.Honest;
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(await Pull(), "model.safetensors")));
    }

    [Fact]
    public async Task Other_bytes_than_the_listing_promises_are_refused_and_deleted()
    {
        byte[] other = [.. _weights];
        other[^1] ^= 0x80;
        _hub.Lies["model.safetensors"] = other;
        InvalidDataException error = await Assert.ThrowsAsync<InvalidDataException>(Pull);
        Assert.Contains("sha256 digest", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Cache.FolderOf(Id, FakeHub.Commit), "model.safetensors*"));
    }

    [Fact]
    public async Task Small_files_are_checked_by_gits_digest()
    {
        _hub.Lies["config.json"] = Encoding.UTF8.GetBytes("{\"num_attention_heads\": 4}");
        InvalidDataException error = await Assert.ThrowsAsync<InvalidDataException>(Pull);
        Assert.Contains("git digest", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_longer_than_its_listing_is_not_swallowed()
    {
        _hub.Lies["model.safetensors"] = new byte[_weights.Length + 400_000];
        InvalidDataException error = await Assert.ThrowsAsync<InvalidDataException>(Pull);
        Assert.Contains("more than the 300000 bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(Path.Combine(Cache.FolderOf(Id, FakeHub.Commit), "model.safetensors.part")).Length);
    }

    [Theory]
    [InlineData("RedirectToFile", "sends on")]
    [InlineData("RedirectInCircles", "sends on (302)")]
    [InlineData("Refuse", "answers 418")]
    public async Task A_hub_that_refuses_or_sends_elsewhere_is_told_in_words(string manner, string words)
    {
        _hub.Behave = (_, _) => Enum.Parse<FakeHub.Manner>(manner);
        IOException error = await Assert.ThrowsAsync<IOException>(Pull);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public async Task A_hub_that_drips_is_given_up_and_what_came_stays()
    {
        _hub.Behave = (file, _) => file == Weights ? FakeHub.Manner.Drip : FakeHub.Manner.Honest;
        using HubClient client = new(new HubOptions(_hub.Endpoint, Stall: TimeSpan.FromSeconds(1.5), Attempts: 2, Pause: TimeSpan.FromMilliseconds(5)));
        IOException error = await Assert.ThrowsAsync<IOException>(() => client.PullAsync(Id, Cache));
        Assert.Contains("bytes came in 1.5 s", error.Message, StringComparison.Ordinal);
        Assert.True(new FileInfo(Path.Combine(Cache.FolderOf(Id, FakeHub.Commit), $"{Weights}.part")).Length > 0);
    }

    [Fact]
    public async Task Shards_are_all_taken()
    {
        _hub.Files.Remove("model.safetensors");
        _hub.Files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes("{\"weight_map\": {}}");
        _hub.Files["model-00001-of-00002.safetensors"] = [1];
        _hub.Files["model-00002-of-00002.safetensors"] = [2];
        string folder = await Pull();
        Assert.Equal(3, Directory.GetFiles(folder, "model*").Length);
    }

    [Fact]
    public async Task An_unknown_model_is_named()
    {
        using HubClient client = new(new HubOptions(_hub.Endpoint));
        InvalidDataException error = await Assert.ThrowsAsync<InvalidDataException>(() => client.PullAsync(HubId.Parse("tests/none"), Cache));
        Assert.Contains("there is no model tests/none", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_said_with_the_way_out()
    {
        Uri nobody = new("http://127.0.0.1:9/");
        using HubClient client = new(new HubOptions(nobody, Attempts: 2, Pause: TimeSpan.FromMilliseconds(1)));
        IOException error = await Assert.ThrowsAsync<IOException>(() => client.PullAsync(Id, Cache));
        Assert.Contains("HTTPS_PROXY", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deit")]
    [InlineData("a/b/c")]
    [InlineData("../x")]
    [InlineData("a/..")]
    [InlineData("a/b@../../c")]
    [InlineData("a/b@")]
    public void What_is_no_id_is_refused(string text) => Assert.Contains("OWNER/NAME", Assert.Throws<ArgumentException>(() => HubId.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("..\\model.safetensors")]
    [InlineData("../model.safetensors")]
    public void A_listing_cannot_name_files_elsewhere(string name)
    {
        HubListing listing = new(FakeHub.Commit, [new HubFile(name, 1, HubDigest.Sha256(new string('a', 64)))]);
        Assert.Throws<InvalidDataException>(() => listing.Needed(name));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{\"sha\": \"main\", \"siblings\": []}")]
    [InlineData("{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"a\", \"size\": -1, \"blobId\": \"00\"}]}")]
    [InlineData("{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": null, \"size\": 1, \"blobId\": \"0123456789abcdef0123456789abcdef01234567\"}]}")]
    [InlineData("{\"sha\": null, \"siblings\": []}")]
    [InlineData("not json")]
    public void An_answer_that_is_no_listing_is_refused(string json)
    {
        string message = Assert.Throws<InvalidDataException>(() => HubListing.Parse(Encoding.UTF8.GetBytes(json), "hub")).Message;
        Assert.DoesNotContain("Object reference", message, StringComparison.Ordinal);
    }

    private Task<string> Pull() => Pull(stall: null);

    private async Task<string> Pull(TimeSpan? stall, int attempts = 3)
    {
        using HubClient client = new(new HubOptions(_hub.Endpoint, Stall: stall, Attempts: attempts, Pause: TimeSpan.FromMilliseconds(5)));
        return await client.PullAsync(Id, Cache);
    }
}
