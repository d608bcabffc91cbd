using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class Food101DatasetTests
{
    [Fact]
    public void The_lists_in_meta_name_the_pictures()
    {
        using TempFolder folder = Published();
        LabelledDataset train = DatasetSource.Open("food101:" + folder.Path), test = DatasetSource.Open("food101:" + folder.Path, train: false);
        Assert.Equal(["apple_pie", "waffles"], train.ClassNames);
        Assert.Equal([0, 1, 1], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal([0], Enumerable.Range(0, test.Count).Select(test.Label));
        Assert.Equal(folder[Path.Combine("images", "waffles", "12.jpg")], train.Source(1));
        using ImageBuffer image = new();
        train.Load(2, image);
        Assert.Equal(13, image.Pixels[0]);
        Assert.Contains("134", Assert.Throws<FileNotFoundException>(() => test.Load(0, image)).Message);
    }

    [Theory]
    [InlineData("train.txt", "apple_pie/1\nwaffels/2\n", "line 2: 'waffels' is none of the 2 classes")]
    [InlineData("train.txt", "apple_pie/1\nwaffles\n", "line 2: 'waffles' is not CLASS/ID")]
    [InlineData("train.txt", "apple_pie/../../../x\n", "leads out")]
    [InlineData("train.txt", "\n", "lists no pictures")]
    [InlineData("classes.txt", "apple_pie\napple_pie\n", "'apple_pie' more than once")]
    [InlineData("classes.txt", "", "names no classes")]
    public void Bad_lists_are_named(string file, string content, string reason)
    {
        using TempFolder folder = Published();
        string path = folder.Write($"meta/{file}", content);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open("food101:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using TempFolder folder = Published();
        File.Delete(folder["meta/test.txt"]);
        Assert.Contains("test.txt", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("food101:" + folder.Path, train: false)).Message);
        Assert.Contains("nowhere", Assert.Throws<DirectoryNotFoundException>(() => DatasetSource.Open("food101:nowhere")).Message);
    }

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write("meta/classes.txt", "apple_pie\nwaffles\n");
        folder.Write("meta/train.txt", "apple_pie/11\nwaffles/12\nwaffles/13\n");
        folder.Write("meta/test.txt", "apple_pie/134\n");
        folder.WritePng("images/apple_pie/11.jpg", 11);      // the content decides, not the name
        folder.WritePng("images/waffles/12.jpg", 12);
        folder.WritePng("images/waffles/13.jpg", 13);
        return folder;
    }
}
