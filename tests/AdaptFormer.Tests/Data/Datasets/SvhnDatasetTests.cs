using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class SvhnDatasetTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Columns_become_rows_and_label_ten_the_digit_zero(bool compressed)
    {
        using TempFolder folder = new();
        byte[] x = new byte[2 * 3072];
        x[3072 + (2 * 1024) + (5 * 32) + 7] = 200;      // second picture, blue, column 5, row 7
        LabelledDataset data = DatasetSource.Open(folder.Write("test_32x32.mat", Mat(compressed, ("X", [32, 32, 3, 2], x), ("y", [2, 1], [10, 3]))));
        Assert.Equal([0, 3], Enumerable.Range(0, data.Count).Select(data.Label));
        using ImageBuffer image = new();
        data.Load(1, image);
        Assert.Equal(200, image.Row(7)[(5 * 3) + 2]);
        Assert.Equal(200, image.Pixels.ToArray().Sum(v => v));
    }

    [Fact]
    public void Bad_files_are_named_with_the_reason()
    {
        using TempFolder folder = new();
        AssertError("not a little-endian", new byte[200]);
        AssertError("label 11", Mat(true, ("X", [32, 32, 3, 1], new byte[3072]), ("y", [1, 1], [11])));
        AssertError("found y", Mat(false, ("y", [1, 1], [1])));
        AssertError("1 pictures but 2 labels", Mat(true, ("X", [32, 32, 3, 1], new byte[3072]), ("y", [2, 1], [1, 2])));
        AssertError("truncated", Mat(false, ("X", [32, 32, 3, 1], new byte[3072]))[..^9]);
        byte[] damaged = Mat(true, ("X", [32, 32, 3, 1], new byte[3072]));
        damaged[140] ^= 0xFF;
        AssertError("damaged", damaged);

        void AssertError(string reason, byte[] file)
        {
            string path = folder.Write("bad.mat", file);
            string message = Assert.Throws<InvalidDataException>(() => SvhnDataset.Open(path)).Message;
            Assert.StartsWith(path, message);
            Assert.Contains(reason, message);
        }
    }

    [Fact]
    public void The_real_digits_have_their_labels()
    {
        LabelledDataset data = DatasetSource.Open("svhn:" + Path.Combine(SharedData.Require("svhn_micro"), "micro_32x32.mat"));
        Assert.Equal([1, 9, 2, 3, 2, 5], Enumerable.Range(0, 6).Select(data.Label));
        Assert.Equal(19, data.Count);
    }

    [Fact]
    public void Parts_of_a_folder_are_joined_by_name()
    {
        using TempFolder folder = new();
        folder.Write("train_32x32.mat", Mat(true, ("X", [32, 32, 3, 1], new byte[3072]), ("y", [1, 1], [1])));
        folder.Write("extra_32x32.mat", Mat(true, ("X", [32, 32, 3, 2], new byte[2 * 3072]), ("y", [2, 1], [10, 2])));
        folder.Write("test_32x32.mat", Mat(true, ("X", [32, 32, 3, 1], new byte[3072]), ("y", [1, 1], [9])));
        LabelledDataset both = DatasetSource.Open($"svhn:{folder.Path}#train+extra");
        Assert.Equal([1, 0, 2], Enumerable.Range(0, both.Count).Select(both.Label));
        Assert.Contains("extra_32x32.mat picture 1", both.Source(2));
        Assert.Equal(folder["extra_32x32.mat"], both.FileOf(2));
        Assert.Equal(1, DatasetSource.Open($"svhn:{folder.Path}").Count);
        Assert.Equal(9, DatasetSource.Open($"svhn:{folder.Path}", train: false).Label(0));
        Assert.Contains("train, extra, test", Assert.Throws<ArgumentException>(() => DatasetSource.Open($"svhn:{folder.Path}#training")).Message);
        File.Delete(folder["extra_32x32.mat"]);
        Assert.Contains("extra_32x32.mat", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open($"svhn:{folder.Path}#extra")).Message);
    }

    private static byte[] Mat(bool compressed, params (string Name, int[] Dims, byte[] Data)[] variables)
    {
        MatWriter file = new(compressed);
        foreach ((string name, int[] dims, byte[] data) in variables) file.Add(name, dims, MatType.UInt8, data);
        return file.ToArray();
    }
}
