using AdaptFormer.Data;
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
        Assert.False(Check("1.png,x\n2.png,x\n").Wrong);
        Assert.Single(Check("1.png,x\n2.png,x\n").Duplicates);
        Assert.True(Check("1.png,x\n2.png,y\n").Wrong);

        DatasetReport Check(string list) => DatasetCheck.Run(DatasetSource.OpenParts(folder.Write("list.csv", list)));
    }

    [Fact]
    public void A_class_that_training_names_and_has_no_pictures_of_is_told()
    {
        using TempFolder folder = new();
        folder.WritePng("1.png", 1);
        DatasetReport report = DatasetCheck.Run([("train", DatasetSource.Open(folder.Write("list.csv", "1.png,2\n")))]);
        Assert.Equal(["0", "1"], report.WithoutPictures);
        Assert.False(report.Wrong);
    }

    [Fact]
    public void It_can_be_stopped()
    {
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => DatasetCheck.Run(DatasetSource.OpenParts("synthetic-downstream:5000"), (_, _) => stop.Cancel(), stop.Token));
    }
}
