using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Images;
using AdaptFormer.Tests.Data.Video;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class DatasetCheckTests
{
    [Fact]
    public void A_sound_set_is_counted_and_nothing_is_wrong()
    {
        using TempFolder folder = new();
        byte gray = 0;
        foreach (string file in new[] { "train/a/1.png", "train/a/2.png", "train/b/1.png", "test/a/1.png", "test/b/1.png" }) folder.WritePng(file, ++gray, width: 4 + gray);
        int told = 0;
        DatasetReport report = DatasetCheck.Run(DatasetSource.OpenParts(folder.Path), (_, total) =>
        {
            Assert.Equal(5, total);
            Interlocked.Increment(ref told);
        });
        Assert.False(report.Wrong);
        Assert.Equal(5, told);
        Assert.Equal(["train", "test"], report.Splits.Select(s => s.Name));
        Assert.Equal([2, 1], report.Splits[0].PerClass);
        Assert.Equal([1, 1], report.Splits[1].PerClass);
        Assert.Equal(new SizeStatistics(5, 6, 7), report.Splits[0].Width);
        Assert.Equal(new SizeStatistics(4, 4, 4), report.Splits[1].Height);
        Assert.Empty(report.Duplicates);
    }

    [Fact]
    public void Pictures_that_carry_an_orientation_are_counted()
    {
        using TempFolder folder = new();
        using AdaptFormer.Data.Images.ImageBuffer picture = OrientedFile.Picture();
        for (int i = 1; i <= 8; i++) folder.Write($"{i % 2}/{i}.png", OrientedFile.Png(picture, OrientedFile.Exif(i)));
        DatasetReport report = DatasetCheck.Run(DatasetSource.OpenParts(folder.Path));
        Assert.Equal(7, report.Splits.Sum(split => split.Oriented));
    }

    [Fact]
    public void Missing_damaged_and_double_pictures_are_named()
    {
        using TempFolder folder = new();
        folder.WritePng("1.png", 1);
        folder.WritePng("2.png", 2);
        folder.Write("copy.png", File.ReadAllBytes(folder["2.png"]));
        folder.Write("torn.png", File.ReadAllBytes(folder["1.png"])[..^20]);
        folder.WritePng("3.png", 1, width: 6);      // the same gray in another size is another picture
        string train = folder.Write("train.csv", "1.png,x\n2.png,x\n3.png,x\ntorn.png,y\n"), test = folder.Write("test.csv", "copy.png,x\nnone.png,y\n1.png,z\n1.png,z\n");
        DatasetReport report = DatasetCheck.Run([("train", DatasetSource.Open(train)), ("test", DatasetSource.Open(test))]);
        Assert.True(report.Wrong);
        Assert.Equal((0, 1), (report.Splits[0].Missing, report.Splits[0].Damaged));
        Assert.Equal((1, 0), (report.Splits[1].Missing, report.Splits[1].Damaged));
        Assert.Equal(["torn.png", "none.png"], report.Unreadable.Select(bad => Path.GetFileName(bad.Source)));
        Assert.Equal(["z"], report.OnlyEvaluated);
        Assert.Equal(["train 1.png x = test 1.png z = test 1.png z", "train 2.png x = test copy.png x"],
            report.Duplicates.Select(g => string.Join(" = ", g.Members.Select(m => $"{m.Split} {Path.GetFileName(m.Source)} {m.Label}"))).Order());
        Assert.Equal([true, false], report.Duplicates.Select(g => g.LabelsDiffer));
        Assert.All(report.Duplicates, g => Assert.True(g.AcrossSplits));
    }

    [Fact]
    public void Doubles_within_a_part_are_wrong_only_under_two_labels()
    {
        using TempFolder folder = new();
        folder.WritePng("1.png", 1);
        folder.WritePng("2.png", 1);
        folder.WritePng("3.png", 3);
        Assert.False(Check("1.png,x\n2.png,x\n3.png,y\n").Wrong);
        Assert.Single(Check("1.png,x\n2.png,x\n3.png,y\n").Duplicates);
        Assert.True(Check("1.png,x\n2.png,y\n").Wrong);

        DatasetReport Check(string list) => DatasetCheck.Run(DatasetSource.OpenParts(folder.Write("list.csv", list)));
    }

    [Fact]
    public void A_class_that_training_names_and_has_no_pictures_of_is_told()
    {
        using TempFolder folder = new();
        folder.WritePng("1.png", 1);
        folder.WritePng("2.png", 2);
        DatasetReport report = DatasetCheck.Run([("train", DatasetSource.Open(folder.Write("list.csv", "1.png,2\n2.png,3\n")))]);
        Assert.Equal(["0", "1"], report.WithoutItems);
        Assert.False(report.Wrong);
        Assert.False(report.OneClass);
        Assert.True(DatasetCheck.Run([("train", DatasetSource.Open(folder.Write("list.csv", "1.png,2\n")))]).OneClass);
    }

    [Fact]
    public void Clips_are_read_frame_by_frame_and_compared_by_their_files()
    {
        using TempFolder folder = new();
        foreach ((string clip, byte gray, int frames) in new[] { ("a", (byte)1, 3), ("b", (byte)50, 4), ("copy", (byte)1, 3), ("torn", (byte)90, 2), ("mixed", (byte)120, 2) })
        {
            for (int t = 0; t < frames; t++) folder.WritePng($"{clip}/{t}.png", (byte)(gray + t), width: 8, height: 6);
        }

        folder.Write("torn/1.png", "no picture");
        folder.WritePng("mixed/1.png", 7, width: 9, height: 6);
        string train = folder.Write("train.csv", "a,run\nb,sit\ntorn,sit\nmixed,sit\n"), test = folder.Write("test.csv", "copy,run\nnone,run\n");
        DatasetReport report = DatasetCheck.Run([("train", Clips.Open(train)), ("test", Clips.Open(test))]);
        Assert.True(report.Wrong);
        Assert.Equal("clips", report.Kind);
        Assert.Equal([(4, 0, 2), (2, 1, 0)], report.Splits.Select(s => (s.Items, s.Missing, s.Damaged)));
        Assert.Equal(new SizeStatistics(3, 3, 4), report.Splits[0].Frames);
        Assert.Equal(new SizeStatistics(8, 8, 8), report.Splits[0].Width);
        Assert.Null(report.Splits[0].Seconds);
        Assert.Contains("1.png", report.Unreadable[0].Reason, StringComparison.Ordinal);
        Assert.Contains("9x6 pixels, the clip's first frame 8x6", report.Unreadable[1].Reason, StringComparison.Ordinal);
        DuplicateGroup group = Assert.Single(report.Duplicates);
        Assert.True(group.AcrossSplits);
        Assert.Equal(["a", "copy"], group.Members.Select(m => Path.GetFileName(m.Source)));
    }

    [Fact]
    public void Videos_are_decoded_to_their_last_frame()
    {
        FFmpegTests.RequireFFmpeg();
        string folder = SharedData.Require("video/samples");
        string[] names = ["video_0.mov", "corrupted.mp4"];
        using TempFolder list = new();
        string csv = list.Write("list.csv", string.Join('\n', names.Append("absent.mp4").Select(name => $"{name},x")));
        DatasetReport report = DatasetCheck.Run(DatasetSource.OpenParts(csv, folder, clips: true));
        Assert.Equal((3, 1, 1), (report.Splits[0].Items, report.Splits[0].Missing, report.Splits[0].Damaged));
        Assert.Equal(new SizeStatistics(3, 3, 3), report.Splits[0].Frames);
        Assert.Equal(0.1, report.Splits[0].Seconds!.Value.Total, 1e-3);
        Assert.Contains("corrupted.mp4", report.Unreadable.Single(bad => !bad.Missing).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void It_can_be_stopped()
    {
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => DatasetCheck.Run(DatasetSource.OpenParts("synthetic-downstream:5000"), (_, _) => stop.Cancel(), cancellation: stop.Token));
    }
}
