using System.Text;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Tests.Files;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>The Python version of CIFAR, with the pickles that its authors' Python 2 wrote.</summary>
public sealed class CifarPickleTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_python_version_of_CIFAR_10_holds_labels_names_and_planes(bool fortran)
    {
        using TempFolder folder = new();
        folder.Write("data_batch_1", Batch(["labels"], [[3, 9]], fortran: fortran));
        folder.Write("data_batch_2", Batch(["labels"], [[5]]));
        folder.Write("test_batch", Batch(["labels"], [[0, 1, 2]]));
        string[] names = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];
        folder.Write("batches.meta", new PickleWriter().Dict("label_names", p => Texts(p, names)).End());
        LabelledDataset train = DatasetSource.Open(folder.Path), test = DatasetSource.Open("cifar10:" + folder.Path, train: false);
        Assert.Equal([3, 9, 5], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal([0, 1, 2], Enumerable.Range(0, test.Count).Select(test.Label));
        Assert.Equal(names, train.ClassNames);
        using ImageBuffer image = new();
        train.Load(1, image);
        Assert.Equal([Pixel(1, 0), Pixel(1, 1024), Pixel(1, 2048), Pixel(1, 1)], image.Pixels[..4].ToArray());
    }

    [Fact]
    public void The_python_version_of_CIFAR_100_has_fine_and_coarse_labels()
    {
        using TempFolder folder = new();
        foreach (string part in new[] { "train", "test" }) folder.Write(part, Batch(["fine_labels", "coarse_labels"], [[99, 4], [19, 1]]));
        LabelledDataset fine = DatasetSource.Open("cifar100:" + folder.Path), coarse = DatasetSource.Open("cifar100-coarse:" + folder.Path);
        Assert.Equal([99, 4], Enumerable.Range(0, fine.Count).Select(fine.Label));
        Assert.Equal([19, 1], Enumerable.Range(0, coarse.Count).Select(coarse.Label));
        Assert.Equal("worm", fine.ClassNames[99]);
        Assert.Equal(2, DatasetSource.Open(folder.Path, train: false).Count);
    }

    [Fact]
    public void Bad_files_are_named_with_the_reason()
    {
        using TempFolder folder = new();
        byte[] good = Batch(["labels"], [[1, 2]]);
        AssertError("cut short", good[..^40]);
        AssertError("ends at byte", [.. good, 0]);
        AssertError("2 pictures but 1 labels", Batch(["labels"], [[1]], pictures: 2));
        AssertError("label 10 is out of range", Batch(["labels"], [[10]]));
        AssertError("label 300 is out of range", Batch(["labels"], [[300]]));
        AssertError("has no 'labels'; it holds fine_labels, data", Batch(["fine_labels"], [[1]]));
        AssertError("os.system", new PickleWriter().Dict("labels", p => p.Global("os", "system").Text("true").Raw(0x85).Raw('R')).End());
        AssertError("does not fit", Batch(["labels"], [[1]], lost: 1));

        void AssertError(string reason, byte[] file)
        {
            string path = folder.Write("data_batch_1", file);
            string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open("cifar10:" + folder.Path)).Message;
            Assert.StartsWith(path, message);
            Assert.Contains(reason, message);
        }
    }

    [Fact]
    public void A_batch_that_is_missing_between_others_is_named()
    {
        using TempFolder folder = new();
        folder.Write("data_batch_1", Batch(["labels"], [[1]]));
        folder.Write("data_batch_3", Batch(["labels"], [[1]]));
        Assert.Contains("data_batch_2 is missing", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open(folder.Path)).Message);
    }

    private static byte Pixel(int picture, int at) => (byte)((picture * 31) + (at * 7) + (at >> 10));

    internal static byte[] Batch(string[] keys, int[][] labels, int? pictures = null, bool fortran = false, int lost = 0)
    {
        int count = pictures ?? labels[0].Length;
        byte[] data = new byte[count * 3072];
        for (int i = 0; i < count; i++)
        {
            for (int at = 0; at < 3072; at++) data[fortran ? (at * count) + i : (i * 3072) + at] = Pixel(i, at);
        }

        PickleWriter pickle = new PickleWriter().Raw('}').Raw('(');
        for (int k = 0; k < keys.Length; k++)
        {
            Short(pickle, keys[k]).Raw(']').Raw('(');
            foreach (int label in labels[k]) pickle.Int(label);
            pickle.Raw('e');
        }

        Short(pickle, "data").Global("numpy.core.multiarray", "_reconstruct").Raw('(').Global("numpy", "ndarray").Raw('(').Int(0).Raw('t');
        Short(pickle, "b").Raw('t').Raw('R').Raw('(').Int(1).Raw('(').Int(count).Int(3072).Raw('t').Global("numpy", "dtype").Raw('(');
        Short(pickle, "u1").Int(0).Int(1).Raw('t').Raw('R').Raw('(').Int(3);
        Short(pickle, "|").Raw('N').Raw('N').Raw('N').Int(-1).Int(-1).Int(0).Raw('t').Raw('b');
        pickle.Raw((byte)(fortran ? 0x88 : 0x89)).Raw('T').Raw(BitConverter.GetBytes(data.Length - lost)).Raw(data[lost..]).Raw('t').Raw('b');
        return pickle.Raw('u').End();
    }

    /// <summary>A text as Python 2 writes it.</summary>
    private static PickleWriter Short(PickleWriter pickle, string text) => pickle.Raw('U').Raw((byte)text.Length).Raw(Encoding.Latin1.GetBytes(text));

    private static void Texts(PickleWriter pickle, string[] texts)
    {
        pickle.Raw(']').Raw('(');
        foreach (string text in texts) Short(pickle, text);
        pickle.Raw('e');
    }
}
