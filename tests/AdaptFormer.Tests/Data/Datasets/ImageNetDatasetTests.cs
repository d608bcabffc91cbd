using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageNetDatasetTests
{
    private static readonly string[] Wnids = ["n01440764", "n01443537", "n02084071"];

    [Theory]
    [InlineData("class folders")]
    [InlineData("development kit")]
    [InlineData("competition")]
    [InlineData("index list")]
    public void Validation_pictures_get_their_classes_from_what_lies_beside_them(string layout)
    {
        using TempFolder folder = Published(layout == "competition" ? "ILSVRC/Data/CLS-LOC/" : "", sorted: layout == "class folders");
        WriteTruth(folder, layout);
        LabelledDataset train = DatasetSource.Open("imagenet:" + folder.Path), val = DatasetSource.Open("imagenet:" + folder.Path, train: false);
        Assert.Equal(Wnids, train.ClassNames);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, train.Count).Select(train.Label));
        DatasetSplits.RequireSameClasses(train, val);
        string[] found = [.. Enumerable.Range(0, val.Count).Select(i => $"{Path.GetFileNameWithoutExtension(val.Source(i))[^1]}:{val.Label(i)}").Order()];
        Assert.Equal(["1:2", "2:0", "3:1"], found);
        using ImageBuffer image = new();
        val.Load(0, image);
        Assert.Equal(5, image.Width);
    }

    [Fact]
    public void Bad_truth_is_named_with_the_reason()
    {
        using TempFolder folder = Published("", sorted: false);
        Assert.Contains("would say what is on the pictures", Assert.Throws<FileNotFoundException>(Open).Message);
        Refused("val.txt", "a_1.JPEG 2\na_2.JPEG 0\n", "names 2 pictures, but there are 3");
        Refused("val.txt", "a_1.JPEG 2\na_2.JPEG 0\na_3.JPEG 3\n", "line 3: label '3' is out of range");
        Refused("val.txt", "a_1.JPEG 2\na_2.JPEG 0\na_4.JPEG 1\n", "does not name the picture a_3.JPEG");
        Refused("val.txt", "a_1.JPEG\n", "line 1");
        Refused("LOC_val_solution.csv", "ImageId,PredictionString\na_1,n01443537 1\na_2,n01443537\na_3,n99999999 4\n", "n99999999' is none of the 3 classes");
        WriteTruth(folder, "development kit");
        Refused("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "3\n5\n", "has 2 lines, but there are 3 pictures");
        Refused("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "3\n5\n77\n", "line 3: '77' is not the number of a synset");
        folder.Write("ILSVRC2012_devkit_t12/data/meta.mat", new MatWriter().Add("synsets", [1, 1], MatType.UInt8, [1]).ToArray());
        Assert.Contains("structure array", Assert.Throws<InvalidDataException>(Open).Message);
        File.Delete(folder["ILSVRC2012_devkit_t12/data/meta.mat"]);
        Assert.Contains("meta.mat", Assert.Throws<FileNotFoundException>(Open).Message);
        Directory.Delete(folder["val"], recursive: true);
        Assert.Contains("val", Assert.Throws<DirectoryNotFoundException>(Open).Message);

        void Open() => DatasetSource.Open("imagenet:" + folder.Path, train: false);

        void Refused(string file, string content, string reason)
        {
            string path = folder.Write(file, content);
            string message = Assert.Throws<InvalidDataException>(Open).Message;
            Assert.StartsWith(path, message);
            Assert.Contains(reason, message);
        }
    }

    private static TempFolder Published(string root, bool sorted)
    {
        TempFolder folder = new();
        foreach (string wnid in Wnids) folder.WritePng($"{root}train/{wnid}/{wnid}_10026.JPEG", 1);
        (int Number, int Class)[] pictures = [(1, 2), (2, 0), (3, 1)];
        foreach ((int number, int label) in pictures) folder.WritePng($"{root}val/{(sorted ? Wnids[label] + "/" : "")}a_{number}.JPEG", 2);
        return folder;
    }

    private static void WriteTruth(TempFolder folder, string layout)
    {
        if (layout == "competition") folder.Write("LOC_val_solution.csv", "ImageId,PredictionString\na_3,n01443537 1 2 3 4 n01443537 5 6 7 8\na_1,n02084071 1 2 3 4\na_2,n01440764 9 9 9 9\n");
        if (layout == "index list") folder.Write("val.txt", "a_1.JPEG 2\na_2.JPEG 0\na_3.JPEG 1\n");
        if (layout != "development kit") return;
        folder.Write("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "7\n3\n5\n");      // the kit's own numbers
        folder.Write("ILSVRC2012_devkit_t12/data/meta.mat", new MatWriter().AddStructure("synsets", ["ILSVRC2012_ID", "WNID", "words"],
            Synset(3, "n01440764"), Synset(5, "n01443537"), Synset(7, "n02084071"), Synset(1001, "n00001740")).ToArray());
    }

    private static byte[][] Synset(ushort id, string wnid) =>
        [MatWriter.Numbers("", [1, 1], MatType.UInt16, BitConverter.GetBytes(id)), MatWriter.Text(wnid), MatWriter.Text("some words")];
}
