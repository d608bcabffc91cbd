using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Runs.Caching;

public sealed class PrefixCacheTests : IDisposable
{
    private const string Fixed = "data.transform.flip=false";
    private static readonly string[] Linear = ["tuning={\"method\": \"linear\"}"];
    private readonly TinyTask _task = new();

    public static TheoryData<string> Tunings => [
        "{\"method\": \"linear\"}",
        "{\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\"}",
        "{\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\", \"dropout\": 0.5}",
    ];

    public void Dispose() => _task.Dispose();

    [Theory]
    [MemberData(nameof(Tunings))]
    public void Results_in_f32_are_bit_for_bit_those_without_a_cache(string tuning)
    {
        (TrainingSummary plain, EpochRecord[] plainEpochs, _) = Run("plain", $"tuning={tuning}", Fixed);
        (TrainingSummary kept, EpochRecord[] keptEpochs, CacheRecord[] notes) = Run("kept", $"tuning={tuning}", Fixed, "cache.mode=auto", "cache.precision=float32");
        Assert.All(notes, note => Assert.True(note.Used, note.Message));
        Assert.Equal(3, notes.Length);
        Same(plain, plainEpochs, kept, keptEpochs);
        Assert.Equal(File.ReadAllBytes(plain.Adapter!).Length, File.ReadAllBytes(kept.Adapter!).Length);

        (TrainingSummary again, EpochRecord[] againEpochs, CacheRecord[] found) = Run("again", $"tuning={tuning}", Fixed, "cache.mode=auto", "cache.precision=float32");
        Assert.All(found, note => Assert.EndsWith(", found", note.Message, StringComparison.Ordinal));
        Same(plain, plainEpochs, again, againEpochs);
    }

    [Fact]
    public void As_many_views_as_epochs_are_the_epochs_own_draws()
    {
        (TrainingSummary plain, EpochRecord[] plainEpochs, _) = Run("plain", Linear);
        (TrainingSummary kept, EpochRecord[] keptEpochs, CacheRecord[] notes) = Run("kept", [.. Linear, "cache.mode=auto", "cache.views=3"]);
        Assert.Contains("3 fixed views", notes[0].Message, StringComparison.Ordinal);
        Same(plain, plainEpochs, kept, keptEpochs);
        Assert.Equal(3 + 2, Files().Length);
    }

    [Fact]
    public void A_transform_that_draws_anew_is_never_cached_silently()
    {
        (_, _, CacheRecord[] notes) = Run("kept", [.. Linear, "cache.mode=auto"]);
        Assert.False(notes[0].Used);
        Assert.Contains("draws anew each epoch", notes[0].Message, StringComparison.Ordinal);
        Assert.All(notes[1..], note => Assert.True(note.Used, note.Message));       // validation and test are fixed all the same
    }

    [Theory]
    [InlineData("{\"method\": \"full\"}")]
    [InlineData("{\"method\": \"vpt\"}")]
    [InlineData("{\"method\": \"adaptformer\", \"bottleneck\": 4}")]
    public void A_method_that_changes_the_first_block_has_nothing_to_keep(string tuning)
    {
        (_, _, CacheRecord[] notes) = Run("kept", $"tuning={tuning}", Fixed, "cache.mode=auto");
        Assert.False(Assert.Single(notes).Used);
        Assert.Empty(Files());
    }

    [Fact]
    public void Stochastic_depth_is_not_kept()
    {
        (_, _, CacheRecord[] notes) = Run("kept", [.. Linear, Fixed, "model.drop_path=0.2", "cache.mode=auto"]);
        Assert.True(notes[0].Used);     // its first block has no share of it
        Assert.Contains("tokens ahead of block 2", notes[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_tensors_depend_on_changes_the_key()
    {
        string[] cached = [.. Linear, Fixed, "cache.mode=auto"];
        Run("first", cached);
        int files = Files().Length;
        Assert.Equal(3, files);
        Run("same", [.. cached, "epochs=2", "optimizer.base_lr=0.3"]);
        Assert.Equal(files, Files().Length);

        Run("transform", [.. cached, "data.transform.interpolation=bilinear"]);
        Assert.Equal(files += 3, Files().Length);
        Run("weights", [.. cached, $"model.weights={_task.SaveBackbone("other.safetensors", seed: 7)}"]);
        Assert.Equal(files += 3, Files().Length);
        Run("precision", [.. cached, "cache.precision=bfloat16"]);
        Assert.Equal(files += 3, Files().Length);
        Run("compute", [.. cached, "precision=bfloat16"]);
        Assert.Equal(files += 3, Files().Length);
        string picture = _task["test/dark/0.png"];
        File.SetLastWriteTimeUtc(picture, File.GetLastWriteTimeUtc(picture).AddSeconds(5));
        Run("data", cached);
        Assert.Equal(files + 1, Files().Length);       // of the test data alone
    }

    [Fact]
    public void Bf16_halves_the_files_and_changes_results_by_rounding_only()
    {
        string[] cached = ["tuning={\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\"}", Fixed, "cache.mode=auto"];
        (TrainingSummary exact, _, CacheRecord[] exactNotes) = Run("exact", [.. cached, "cache.precision=float32"]);
        (TrainingSummary rounded, _, CacheRecord[] notes) = Run("rounded", [.. cached, "cache.precision=bfloat16"]);
        Assert.Contains("results differ by rounding", notes[0].Message, StringComparison.Ordinal);
        Assert.InRange((double)notes[0].Bytes / exactNotes[0].Bytes, 0.5, 0.85);      // of small records with a preamble
        Assert.NotEqual(exact.TestLoss, rounded.TestLoss);
        Assert.Equal(exact.TestLoss!.Value, rounded.TestLoss!.Value, 0.02);
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void Tensors_made_in_8_bits_change_results_by_rounding_and_training_goes_on_as_before(string precision)
    {
        string[] cached = ["tuning={\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\"}", Fixed, "cache.mode=auto", $"precision={precision}"];
        (TrainingSummary exact, _, _) = Run("exact", cached);
        (TrainingSummary rounded, _, CacheRecord[] notes) = Run("rounded", [.. cached, "cache.compute=int8"]);
        Assert.All(notes, note => Assert.Contains("made in 8 bits", note.Message, StringComparison.Ordinal));
        Assert.All(notes, note => Assert.Contains("results differ by rounding", note.Message, StringComparison.Ordinal));
        Assert.Equal(6, Files().Length);        // under keys of their own
        Assert.NotEqual(exact.TestLoss, rounded.TestLoss);
        Assert.Equal(exact.TestLoss!.Value, rounded.TestLoss!.Value, 0.1);
    }

    [Fact]
    public void The_folder_stays_within_its_bound()
    {
        string[] cached = ["tuning={\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\"}", Fixed, "cache.mode=auto"];
        (_, _, CacheRecord[] notes) = Run("none", [.. cached, "cache.max_gb=0.000001"]);
        Assert.All(notes, note => Assert.False(note.Used));
        Assert.Empty(Files());

        Run("first", [.. cached, "cache.max_gb=0.00003"]);
        Run("second", [.. cached, "cache.max_gb=0.00003", "data.transform.interpolation=bilinear"]);
        Assert.InRange(Files().Sum(file => new FileInfo(file).Length), 1, 30_000);
    }

    [Fact]
    public async Task Trainings_that_want_the_same_tensors_at_once_compute_them_once_and_learn_the_same()
    {
        string[] cached = [.. Linear, Fixed, "cache.mode=auto"];
        (TrainingSummary Summary, EpochRecord[] Epochs, CacheRecord[] Notes)[] runs =
            await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Task.Run(() => Run($"at-once-{i}", cached))));
        foreach ((TrainingSummary summary, EpochRecord[] epochs, _) in runs[1..]) Same(runs[0].Summary, runs[0].Epochs, summary, epochs);
        Assert.Equal(3, Files().Length);
        Assert.All(Files(), file => Assert.EndsWith(".prefix", file, StringComparison.Ordinal));
    }

    [Fact]
    public void Who_makes_room_leaves_what_another_process_is_writing()
    {
        string[] cached = ["tuning={\"method\": \"adaptformer\", \"bottleneck\": 4, \"layers\": \"2\"}", Fixed, "cache.mode=auto", "cache.max_gb=0.00003"];
        Run("first", cached);
        string folder = Path.GetDirectoryName(Files()[0])!, written = Path.Combine(folder, "zz00.prefix.part"), left = Path.Combine(folder, "yy00.prefix.part");
        foreach (string part in (string[])[written, left])
        {
            File.WriteAllBytes(part, new byte[20_000]);
            File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddDays(-1));
        }

        using (new FileStream(Path.Combine(folder, "locks", "zz"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
            Run("second", [.. cached, "data.transform.interpolation=bilinear"]);
        Assert.True(File.Exists(written));
        Assert.False(File.Exists(left));
    }

    [Fact]
    public void A_file_that_somebody_cuts_short_while_it_is_used_is_an_error_with_its_name()
    {
        Recipe recipe = Recipe.Load(_task.Recipe, ["workers=2", .. Linear, Fixed, "cache.mode=auto", $"cache.folder={_task["cut"]}"]);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => TrainingRun.Execute(recipe, _task["run-cut"], ExistingRun.Refuse, record =>
        {
            if (record is not EpochRecord { Epoch: 1 }) return;
            foreach (string file in Directory.GetFiles(_task["cut"]))
                using (FileStream cut = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)) cut.SetLength(4096);
        }));
        Assert.Contains(_task["cut"], error.Message, StringComparison.Ordinal);
        Assert.Contains("is damaged; delete the file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_record_is_refused_by_name_and_a_torn_file_is_made_again()
    {
        string[] cached = [.. Linear, Fixed, "cache.mode=auto"];
        (TrainingSummary good, _, _) = Run("first", cached);
        foreach (string file in Files())
        {
            byte[] bytes = File.ReadAllBytes(file);
            File.WriteAllBytes(file, bytes[..^30]);
        }

        (TrainingSummary again, _, CacheRecord[] notes) = Run("torn", cached);
        Assert.All(notes, note => Assert.DoesNotContain("found", note.Message, StringComparison.Ordinal));
        Assert.Equal(good.TestLoss, again.TestLoss);

        foreach (string file in Files())
        {
            byte[] bytes = File.ReadAllBytes(file);
            bytes[^20] ^= 1;
            File.WriteAllBytes(file, bytes);
        }

        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Run("damaged", cached));
        Assert.Contains("is damaged; delete the file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_computation_goes_on_where_it_ended()
    {
        string[] cached = [.. Linear, Fixed, "cache.mode=auto", "batch=2"];
        (TrainingSummary good, _, _) = Run("whole", cached);
        byte[][] whole = [.. Files().Order().Select(File.ReadAllBytes)];
        foreach (string file in Files()) File.Delete(file);

        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<Exception>(() => TrainingRun.Execute(Recipe.Load(_task.Recipe, [.. cached, $"cache.folder={_task["cache"]}"]), _task["runs/stopped"], ExistingRun.Refuse, record =>
        {
            if (record is ProgressRecord { Phase: "cache", Step: 3 }) stop.Cancel();
        }, stop.Token));
        Assert.NotEmpty(Directory.GetFiles(_task["cache"], "*.part"));
        Assert.Empty(Files());

        (TrainingSummary resumed, _, _) = Run("resumed", cached);
        Assert.Equal(good.TestLoss, resumed.TestLoss);
        Assert.Equal(whole, Files().Order().Select(File.ReadAllBytes));
        Assert.Empty(Directory.GetFiles(_task["cache"], "*.part"));
    }

    private string[] Files() => Directory.Exists(_task["cache"]) ? Directory.GetFiles(_task["cache"], "*.prefix") : [];

    private (TrainingSummary Summary, EpochRecord[] Epochs, CacheRecord[] Notes) Run(string name, params IEnumerable<string> settings)
    {
        List<RunRecord> records = [];
        TrainingSummary summary = TrainingRun.Execute(
            Recipe.Load(_task.Recipe, [.. settings, $"cache.folder={_task["cache"]}"]), _task[$"runs/{name}"], ExistingRun.Refuse, records.Add);
        return (summary, [.. records.OfType<EpochRecord>()], [.. records.OfType<CacheRecord>()]);
    }

    private static void Same(TrainingSummary plain, EpochRecord[] plainEpochs, TrainingSummary kept, EpochRecord[] keptEpochs)
    {
        Assert.Equal(plainEpochs.Select(e => (e.TrainLoss, e.TrainTop1, e.ValidationLoss, e.ValidationTop1)), keptEpochs.Select(e => (e.TrainLoss, e.TrainTop1, e.ValidationLoss, e.ValidationTop1)));
        Assert.Equal((plain.TestLoss, plain.TestTop1, plain.BestEpoch), (kept.TestLoss, kept.TestTop1, kept.BestEpoch));
    }
}
