using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class CifarDatasetTests
{
    [Fact]
    public void Records_hold_labels_and_planes()
    {
        using TempFolder folder = new();
        byte[] first = Record([3]), second = Record([9]);
        first[1] = 11;
        first[1 + 1024] = 22;
        first[1 + 2048] = 33;
        folder.Write("data_batch_1.bin", [.. first, .. second]);
        folder.Write("data_batch_2.bin", Record([5]));
        folder.Write("test_batch.bin", Record([0]));
        LabelledDataset train = DatasetSource.Open(folder.Path), test = DatasetSource.Open(folder.Path, train: false);
        Assert.Equal([3, 9, 5], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal(1, test.Count);
        Assert.Equal("cat", train.ClassNames[3]);
        using ImageBuffer image = new();
        train.Load(0, image);
        Assert.Equal((32, 32), (image.Width, image.Height));
        Assert.Equal([11, 22, 33], image.Pixels[..3].ToArray());
        Assert.Contains("data_batch_2.bin record 0", train.Source(2));
    }

    [Fact]
    public void Fine_labels_are_the_second_byte_and_coarse_ones_the_first()
    {
        using TempFolder folder = new();
        string path = folder.Write("train.bin", Record([19, 99]));
        Assert.Equal("worm", CifarDataset.Open(path).ClassNames[CifarDataset.Open(path).Label(0)]);
        LabelledDataset coarse = DatasetSource.Open("cifar100-coarse:" + path);
        Assert.Equal("vehicles_2", coarse.ClassNames[coarse.Label(0)]);
    }

    [Fact]
    public void Truncated_files_and_impossible_labels_are_errors()
    {
        using TempFolder folder = new();
        string shortFile = folder.Write("train.bin", Record([1, 1])[..^1]), wrong = folder.Write("test.bin", Record([1, 100]));
        Assert.Contains("whole number", Assert.Throws<InvalidDataException>(() => CifarDataset.Open(shortFile)).Message);
        Assert.Contains("label 100", Assert.Throws<InvalidDataException>(() => CifarDataset.Open(wrong)).Message);
        Assert.Throws<FileNotFoundException>(() => CifarDataset.Open(Directory.CreateDirectory(folder["none"]).FullName));
    }

    [Fact]
    public void The_real_subset_has_its_published_counts()
    {
        string path = SharedData.Require("cifar100");
        LabelledDataset train = DatasetSource.Open(path), test = DatasetSource.Open(path, train: false);
        Assert.Equal((5000, 2000), (train.Count, test.Count));
        Assert.All(train.CountPerClass(), n => Assert.Equal(50, n));
        Assert.All(test.CountPerClass(), n => Assert.Equal(20, n));
        DatasetSplits.RequireSameClasses(train, test);
    }

    private static byte[] Record(byte[] labels) => [.. labels, .. new byte[3072]];
}
