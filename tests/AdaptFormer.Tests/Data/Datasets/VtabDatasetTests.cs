using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class VtabDatasetTests
{
    [Fact]
    public void Lists_hold_paths_and_numbers_and_agree_about_the_classes()
    {
        using TempFolder folder = Published();
        LabelledDataset train = DatasetSource.Open("vtab:" + folder.Path), test = DatasetSource.Open("vtab:" + folder.Path, train: false);
        Assert.Equal([2, 0, 1], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal(5, train.ClassNames.Count);      // the test list has a class that these 1,000 lack
        DatasetSplits.RequireSameClasses(train, test);
        Assert.Equal(1, DatasetSource.Open($"vtab:{folder.Path}#val200").Count);
        Assert.Equal(3, DatasetSource.Open($"vtab:{folder.Path}#train800+val200").Count);
        using ImageBuffer image = new();
        test.Load(0, image);
        Assert.Equal(9, image.Pixels[0]);
    }

    [Theory]
    [InlineData("images/a.png\n", "line 1: 'images/a.png' is not a path")]
    [InlineData("images/a.png 1\nimages/b.png cat\n", "line 2: 'cat' is not the number of a class")]
    [InlineData("images/a.png -1\n", "line 1: '-1' is not the number of a class")]
    [InlineData("../../a.png 1\n", "leads out")]
    [InlineData("", "lists no pictures")]
    public void Bad_lines_are_named(string content, string reason)
    {
        using TempFolder folder = Published();
        string path = folder.Write("train800val200.txt", content);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open("vtab:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void A_missing_list_is_named()
    {
        using TempFolder folder = Published();
        File.Delete(folder["test.txt"]);
        Assert.Contains("test.txt", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("vtab:" + folder.Path, train: false)).Message);
    }

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write("train800.txt", "images/train800/0.png 2\nimages/train800/1.png 0\n");
        folder.Write("val200.txt", "images/val200/0.png 1\n");
        folder.Write("train800val200.txt", "images/train800val200/0.png 2\nimages/train800val200/1.png 0\nimages/train800val200/2.png 1\n");
        folder.Write("test.txt", "images/test/name with blanks.png 4\n");
        folder.WritePng("images/test/name with blanks.png", 9);
        return folder;
    }
}
