using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class Flowers102DatasetTests
{
    [Fact]
    public void The_two_files_name_pictures_and_classes()
    {
        using TempFolder folder = Published([77, 1, 102, 5], [4, 1], [2], [3]);
        folder.WritePng("jpg/image_00004.jpg", 44);
        LabelledDataset train = DatasetSource.Open("flowers102:" + folder.Path), test = DatasetSource.Open("flowers102:" + folder.Path, train: false);
        LabelledDataset both = DatasetSource.Open($"flowers102:{folder.Path}#train+val");
        Assert.Equal(102, train.ClassNames.Count);
        Assert.Equal([4, 76], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal("5", train.ClassNames[train.Label(0)]);
        Assert.Equal([101], Enumerable.Range(0, test.Count).Select(test.Label));
        Assert.Equal([4, 76, 0], Enumerable.Range(0, both.Count).Select(both.Label));
        using ImageBuffer image = new();
        train.Load(0, image);
        Assert.Equal(44, image.Pixels[0]);
    }

    [Theory]
    [InlineData(new byte[] { 1, 103 }, new ushort[] { 1 }, "label 103 of picture 2 is out of range")]
    [InlineData(new byte[] { 1, 0 }, new ushort[] { 1 }, "label 0 of picture 2 is out of range")]
    [InlineData(new byte[] { 1, 2 }, new ushort[] { 3 }, "trnid names picture 3")]
    public void Labels_and_numbers_out_of_range_are_named(byte[] labels, ushort[] train, string reason)
    {
        using TempFolder folder = Published(labels, train, [1], [1]);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => DatasetSource.Open("flowers102:" + folder.Path)).Message);
    }

    [Fact]
    public void A_truncated_and_a_missing_file_are_named()
    {
        using TempFolder folder = Published([1, 2], [1], [2], [2]);
        string labels = folder["imagelabels.mat"];
        folder.Write("imagelabels.mat", File.ReadAllBytes(labels)[..^12]);
        Assert.StartsWith(labels, Assert.Throws<InvalidDataException>(() => DatasetSource.Open("flowers102:" + folder.Path)).Message);
        folder.Write("imagelabels.mat", new MatWriter().Add("other", [1, 1], MatType.UInt8, [1]).ToArray());
        Assert.Contains("called labels; found other", Assert.Throws<InvalidDataException>(() => DatasetSource.Open("flowers102:" + folder.Path)).Message);
        folder.Write("imagelabels.mat", new MatWriter().Add("labels", [1, 1], MatType.UInt8, [1]).ToArray());
        File.Delete(folder["setid.mat"]);
        Assert.Contains("setid.mat", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("flowers102:" + folder.Path, train: false)).Message);
    }

    private static TempFolder Published(byte[] labels, ushort[] train, ushort[] val, ushort[] test)
    {
        TempFolder folder = new();
        folder.Write("imagelabels.mat", new MatWriter().Add("labels", [1, labels.Length], MatType.Double, [.. labels.SelectMany(l => BitConverter.GetBytes((double)l))]).ToArray());
        MatWriter sets = new();
        foreach ((string name, ushort[] ids) in new[] { ("trnid", train), ("valid", val), ("tstid", test) })
            sets.Add(name, [1, ids.Length], MatType.UInt16, [.. ids.SelectMany(BitConverter.GetBytes)]);
        folder.Write("setid.mat", sets.ToArray());
        return folder;
    }
}
