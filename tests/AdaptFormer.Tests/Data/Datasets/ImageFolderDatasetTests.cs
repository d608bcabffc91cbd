using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ImageFolderDatasetTests
{
    [Fact]
    public void Classes_and_files_come_in_ordinal_order_and_other_files_are_counted()
    {
        using TempFolder folder = new();
        folder.WritePng("dog/2.png", 20);
        folder.WritePng("dog/sub/1.PNG", 21);
        folder.WritePng("Cat/9.png", 10);
        folder.Write("dog/notes.txt", "not a picture");
        LabelledDataset data = DatasetSource.Open(folder.Path);
        Assert.Equal(["Cat", "dog"], data.ClassNames);
        Assert.Equal([0, 1, 1], Enumerable.Range(0, data.Count).Select(data.Label));
        Assert.Equal(("1 file is left out: 1 .txt", 1), (data.LeftOutText, data.LeftOut[".txt"]));
        using ImageBuffer image = new();
        data.Load(1, image);
        Assert.Equal(20, image.Pixels[0]);
        Assert.EndsWith("2.png", data.Source(1));
    }

    [Fact]
    public void A_class_folder_without_pictures_is_named()
    {
        using TempFolder folder = new();
        folder.WritePng("cat/1.png", 0);
        folder.Write("empty_one/readme.txt", "");
        Assert.Contains("empty_one", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(folder.Path)).Message);
        Assert.Throws<DirectoryNotFoundException>(() => DatasetSource.Open("folder:" + folder["nowhere"]));
    }

    [Fact]
    public void Differing_classes_are_named()
    {
        using TempFolder folder = new();
        foreach (string path in new[] { "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png" }) folder.WritePng(path, 0);
        LabelledDataset train = DatasetSource.Open(folder.Path), test = DatasetSource.Open(folder.Path, train: false);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSplits.RequireSameClasses(train, test)).Message;
        Assert.Contains("missing: b", message);
        Assert.Contains("unknown: c", message);
        DatasetSplits.RequireSameClasses(train, DatasetSource.Open("folder:" + folder["train"]));
    }
}
