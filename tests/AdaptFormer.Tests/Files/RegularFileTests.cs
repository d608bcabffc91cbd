using System.Diagnostics;
using AdaptFormer.Data;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Video;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class RegularFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pipe_that_nobody_writes_is_refused_and_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "named pipes of Unix");
        string pipe = _folder.PathOf("pipe");
        using (Process made = Process.Start("mkfifo", [pipe])) await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        foreach (Action open in new Action[] { () => WeightsFile.Open(pipe), () => Recipe.Load(pipe), () => AdaptFormer.Peft.AdapterFile.Open(pipe) })
        {
            IOException error = await Assert.ThrowsAsync<IOException>(() => Task.Run(open).WaitAsync(TimeSpan.FromSeconds(30)));
            Assert.Contains("no regular file", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("/dev/zero")]
    public async Task Whatever_holds_data_is_a_file(string kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes and devices of Linux");
        foreach ((string name, string spec) in ((string, string)[])
            [("a.csv", "a.csv"), ("a.txt", "csv:a.txt"), ("a.jsonl", "a.jsonl"), ("a.mat", "a.mat"), ("data_batch_1.bin", "cifar10:data_batch_1.bin"), ("data_batch_1", "cifar10:data_batch_1")])
        {
            string path = await Special(kind, name);
            Exception error = await Assert.ThrowsAnyAsync<Exception>(() => Task.Run(() => DatasetSource.Open(spec.Replace(name, path, StringComparison.Ordinal))).WaitAsync(TimeSpan.FromSeconds(30)));
            AssertRefused(error, path);
        }

        string picture = await Special(kind, "pictures/a/a.png"), video = await Special(kind, "v.mp4");
        using ImageBuffer into = new();
        AssertRefused(await Assert.ThrowsAnyAsync<Exception>(() => Task.Run(() => DatasetSource.Open($"folder:{_folder.PathOf("pictures")}").Load(0, into)).WaitAsync(TimeSpan.FromSeconds(30))), picture);
        if (kind == "pipe") AssertRefused(await Assert.ThrowsAnyAsync<Exception>(() => Task.Run(() => FFmpeg.Probe(video)).WaitAsync(TimeSpan.FromSeconds(30))), video);
    }

    private static void AssertRefused(Exception error, string path)
    {
        Assert.True(error is IOException or InvalidDataException, error.ToString());
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    private async Task<string> Special(string kind, string name)
    {
        string path = _folder.PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (kind != "pipe")
        {
            File.CreateSymbolicLink(path, kind);
            return path;
        }

        using Process made = Process.Start("mkfifo", [path]);
        await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        return path;
    }

    [Fact]
    public void A_device_that_never_ends_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/zero");
        Assert.Contains("it goes on behind its end", Assert.Throws<IOException>(() => Recipe.Load("/dev/zero")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => WeightsFile.Open("/dev/zero"));
    }

    [Fact]
    public void A_file_is_read_up_to_its_limit()
    {
        string path = _folder.Write("x", [1, 2, 3]);
        Assert.Equal([1, 2, 3], RegularFile.ReadAllBytes(path, 3, "a test"));
        Assert.Contains("too many for a test", Assert.Throws<InvalidDataException>(() => RegularFile.ReadAllBytes(path, 2, "a test")).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => RegularFile.ReadAllBytes(_folder.PathOf("none"), 2, "a test"));
    }
}
