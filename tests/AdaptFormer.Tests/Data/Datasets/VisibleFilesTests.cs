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
