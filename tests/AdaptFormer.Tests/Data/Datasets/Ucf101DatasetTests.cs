using AdaptFormer.Data.Datasets;
using Xunit;

namespace AdaptFormer.Tests.Data.Datasets;

public sealed class Ucf101DatasetTests
{
    [Fact]
    public void Training_lists_have_numbers_and_test_lists_have_none()
    {
        using TempFolder folder = Published();
        LabelledDataset train = Clips.Open("ucf101:" + folder.Path), test = Clips.Open("ucf101:" + folder.Path, train: false);
        Assert.Equal(["ApplyEyeMakeup", "YoYo"], train.ClassNames);
        Assert.Equal([0, 1], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal([1], Enumerable.Range(0, test.Count).Select(test.Label));
        Assert.Equal(folder[Path.Combine("UCF-101", "YoYo", "v_YoYo_g01_c01.avi")], Path.GetFullPath(test.FileOf(0)));
    }

    [Theory]
    [InlineData("trainlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\nYoYo/x.avi 1\n", "line 2: class number '1'; YoYo is 2 in classInd.txt")]
    [InlineData("trainlist01.txt", "Archery/x.avi 3\n", "line 1: 'Archery/x.avi' is not CLASS/NAME with one of the 2 classes")]
    [InlineData("trainlist01.txt", "x.avi 1\n", "line 1: 'x.avi' is not CLASS/NAME")]
    [InlineData("trainlist01.txt", "YoYo/x.avi\n", "line 1: 'YoYo/x.avi' is not a path, a blank and a label")]
    [InlineData("trainlist01.txt", "YoYo/../../x.avi 2\n", "line 1: 'YoYo/../../x.avi' leads out")]
    [InlineData("trainlist01.txt", "\n", "lists no clips")]
    [InlineData("classInd.txt", "1 ApplyEyeMakeup\n3 YoYo\n", "line 2: '3 YoYo' is not the number 2")]
    [InlineData("classInd.txt", "1 YoYo\n2 YoYo\n", "line 2: '2 YoYo' is not the number 2 and the name of another class")]
    [InlineData("classInd.txt", "", "names no classes")]
    public void Bad_lists_are_named(string file, string content, string reason)
    {
        using TempFolder folder = Published();
        string path = folder.Write($"ucfTrainTestlist/{file}", content);
        string message = Assert.Throws<InvalidDataException>(() => Clips.Open("ucf101:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void A_missing_list_is_named()
    {
        using TempFolder folder = Published();
        Assert.Contains("testlist03.txt", Assert.Throws<FileNotFoundException>(() => Clips.Open($"ucf101:{folder.Path}#test3")).Message);
        File.Delete(folder["ucfTrainTestlist/classInd.txt"]);
        Assert.Contains("classInd.txt", Assert.Throws<FileNotFoundException>(() => Clips.Open("ucf101:" + folder.Path)).Message);
    }

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write("ucfTrainTestlist/classInd.txt", "1 ApplyEyeMakeup\r\n2 YoYo\r\n");
        folder.Write("ucfTrainTestlist/trainlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\nYoYo/v_YoYo_g08_c01.avi 2\r\n");
        folder.Write("ucfTrainTestlist/testlist01.txt", "YoYo/v_YoYo_g01_c01.avi\r\n");
        foreach (string clip in new[] { "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "YoYo/v_YoYo_g08_c01.avi", "YoYo/v_YoYo_g01_c01.avi" }) folder.Write($"UCF-101/{clip}", "");
        return folder;
    }
}
