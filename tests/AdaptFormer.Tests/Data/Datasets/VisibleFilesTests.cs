using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Tests.Data.Video;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class VisibleFilesTests
{
    private static readonly string[] Litter = ["._1.{0}", ".hidden/2.{0}", "@eaDir/3.{0}", "__MACOSX/4.{0}", "Thumbs.db", "desktop.ini", ".DS_Store"];

    [Theory]
    [InlineData("1.png", "cat")]
    [InlineData("1.mp4", "clips")]
    [InlineData("f/1.png", "frames")]
    public void What_systems_leave_in_folders_is_not_read(string item, string kind)
    {
        using TempFolder folder = new();
        string ending = Path.GetExtension(item)[1..];
        foreach (string name in new[] { "a", "b" })
        {
            if (ending == "png") folder.WritePng($"{name}/{item}", 1);
            else folder.Write($"{name}/{item}", "");
            foreach (string litter in Litter) folder.Write($"{name}/" + litter.Replace("{0}", ending, StringComparison.Ordinal), "not one");
        }

        foreach (string litter in Litter) folder.Write(litter.Replace("{0}", ending, StringComparison.Ordinal), "not one");
        LabelledDataset data = kind == "cat" ? DatasetSource.Open(folder.Path) : Clips.Open("clips:" + folder.Path);
        Assert.Equal(["a", "b"], data.ClassNames);
        Assert.Equal(2, data.Count);
        Assert.Empty(data.LeftOut);
        Assert.Equal(2, kind == "cat" ? UnlabelledDataset.Of([folder.Path]).Count : UnlabelledDataset.Of([folder.Path], clips: true).Count);
    }

    [Fact]
    public void Links_are_followed_but_not_in_circles()
    {
        using TempFolder folder = new(), outside = new();
        outside.WritePng("shared/3.png", 3);
        Directory.CreateSymbolicLink(outside["shared/again"], outside["shared"]);
        foreach (string name in new[] { "a", "b" }) folder.WritePng($"{name}/1.png", 1);
        folder.WritePng("b/deep/2.png", 2);
        Directory.CreateSymbolicLink(folder["a/linked"], outside["shared"]);
        Directory.CreateSymbolicLink(folder["b/deep/up"], Path.Combine("..", ".."));
        Directory.CreateSymbolicLink(folder["b/self"], folder["b/self"]);
        LabelledDataset data = DatasetSource.Open(folder.Path);
        Assert.Equal(["a/1.png", "a/linked/3.png", "b/1.png", "b/deep/2.png"], Enumerable.Range(0, data.Count).Select(i => Path.GetRelativePath(folder.Path, data.FileOf(i))));
        Assert.Equal("3 files are left out: 2 link to a folder above it, or folder too deep, 1 without an ending", LeftOutFiles.Text(data.LeftOut));
        Assert.Equal(4, UnlabelledDataset.Of([folder.Path]).Count);
        Assert.Equal(2, UnlabelledDataset.Of([folder.Path], clips: true).Count);       // two folders of frames
    }

    [Fact]
    public void A_hidden_file_is_no_frame()
    {
        using TempFolder folder = new();
        folder.WritePng("clip/frame1.png", 1);
        folder.WritePng("clip/frame2.png", 2);
        folder.Write("clip/._frame1.png", "not a picture");
        Assert.Equal(2, UnlabelledDataset.Of([folder["clip"]], clips: true).FrameCount(0));
    }

    [Fact]
    public void Videos_beside_what_a_copy_from_macOS_left_can_be_trained_on()
    {
        FFmpegTests.RequireFFmpeg();
        using TempFolder folder = new();
        foreach (string file in new[] { "run/a.mp4", "sit/b.mp4" }) folder.Write(file, File.ReadAllBytes(Inputs.At("hidden-files", file)));
        folder.Write("run/._a.mp4", "\0\u0005\u0016");
        DatasetReport report = DatasetCheck.Run(DatasetSource.OpenParts("clips:" + folder.Path));
        Assert.False(report.Wrong);
        Assert.Equal(2, report.Splits[0].Items);
    }
}
