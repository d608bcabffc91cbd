using AdaptFormer.Data.Datasets;
using Xunit;

namespace AdaptFormer.Tests.Data.Datasets;

public sealed class Hmdb51DatasetTests
{
    private const string Lists = "testTrainMulti_7030_splits", Cartwheel = Lists + "/cartwheel_test_split1.txt";

    [Fact]
    public void Marks_divide_the_clips_of_each_class_anew_in_each_split()
    {
        using TempFolder folder = Published();
        LabelledDataset train = Clips.Open("hmdb51:" + folder.Path), test = Clips.Open("hmdb51:" + folder.Path, train: false);
        Assert.Equal(["brush_hair", "cartwheel"], train.ClassNames);
        Assert.Equal(["a (1)_u.avi", "c#1.avi"], Names(train));
        Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(train.Label));
        Assert.Equal(["b.avi", "d.avi"], Names(test));
        Assert.Equal(["b.avi", "d.avi"], Names(Clips.Open($"hmdb51:{folder.Path}#train2")));
        Assert.Equal(folder[Path.Combine("hmdb51_org", "brush_hair", "a (1)_u.avi")], Path.GetFullPath(train.FileOf(0)));
    }

    [Theory]
    [InlineData("c#1.avi 3 \nd.avi 2 \n", "line 1: the mark '3' is none of")]
    [InlineData("c#1.avi\n", "line 1: 'c#1.avi' is not a path")]
    [InlineData("c#1.avi 2 \nd.avi 0 \n", "names no clip with the mark 1 (train)")]
    [InlineData("c#1.avi 1 \n../brush_hair/b.avi 1 \n", "line 2: '../brush_hair/b.avi' is not the name of a file")]
    [InlineData("", "names no clip")]
    public void Bad_lists_are_named(string content, string reason)
    {
        using TempFolder folder = Published();
        string path = folder.Write(Cartwheel, content);
        string message = Assert.Throws<InvalidDataException>(() => Clips.Open("hmdb51:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using TempFolder folder = Published();
        folder.Write(Lists + "/walk_test_split1.txt", "w.avi 1 \n");
        Assert.Contains("walk_test_split1.txt is for the class walk, and there is no folder", Assert.Throws<DirectoryNotFoundException>(() => Clips.Open("hmdb51:" + folder.Path)).Message);
        Assert.Contains("_test_split3.txt", Assert.Throws<FileNotFoundException>(() => Clips.Open($"hmdb51:{folder.Path}#train3")).Message);
        Assert.Contains("no part 'train4'", Assert.Throws<ArgumentException>(() => Clips.Open($"hmdb51:{folder.Path}#train4")).Message);
    }

    private static string[] Names(LabelledDataset clips) => [.. Enumerable.Range(0, clips.Count).Select(i => Path.GetFileName(clips.Source(i)))];

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write(Lists + "/brush_hair_test_split1.txt", "a (1)_u.avi 1 \nb.avi 2 \nunused.avi 0 \n");      // the published lines end with a blank
        folder.Write(Lists + "/brush_hair_test_split2.txt", "a (1)_u.avi 2 \nb.avi 1 \nunused.avi 0 \n");
        folder.Write(Cartwheel, "c#1.avi 1 \nd.avi 2 \n");
        folder.Write(Lists + "/cartwheel_test_split2.txt", "c#1.avi 2 \nd.avi 1 \n");
        foreach (string clip in new[] { "brush_hair/a (1)_u.avi", "brush_hair/b.avi", "cartwheel/c#1.avi", "cartwheel/d.avi" }) folder.Write($"hmdb51_org/{clip}", "");
        return folder;
    }
}
