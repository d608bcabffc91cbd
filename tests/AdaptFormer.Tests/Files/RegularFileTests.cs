using System.Diagnostics;
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
