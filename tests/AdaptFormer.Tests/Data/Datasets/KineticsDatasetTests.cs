using AdaptFormer.Data.Datasets;
using Xunit;

namespace AdaptFormer.Tests.Data.Datasets;

public sealed class KineticsDatasetTests
{
    private const string Header = "label,youtube_id,time_start,time_end,split\n";

    [Theory]
    [InlineData("train/air drumming/-0tPuJ_AAAA_000012_000022.mp4", "train/zumba/bbbbbbbbbbb_000003_000013.mp4")]
    [InlineData("train/air_drumming/-0tPuJ_AAAA_000012_000022.mkv", "train/zumba/bbbbbbbbbbb_000003_000013.mp4")]
    [InlineData("train/-0tPuJ_AAAA_000012_000022.mp4", "train/bbbbbbbbbbb_000003_000013.mp4")]
    [InlineData("train/air drumming/-0tPuJ_AAAA.mp4", "train/zumba/bbbbbbbbbbb.mp4")]
    [InlineData("videos/-0tPuJ_AAAA.webm", "videos/bbbbbbbbbbb.webm")]
    public void Clips_are_found_as_crawlers_name_them(params string[] files)
    {
        using TempFolder folder = Lists("");
        foreach (string file in files) folder.Write(file, "");
        LabelledDataset train = Clips.Open("kinetics:" + folder.Path);
        Assert.Equal(["air drumming", "zumba"], train.ClassNames);
        Assert.Equal([1, 0], Enumerable.Range(0, 2).Select(train.Label));
        Assert.Equal(files.Reverse().Select(file => Path.GetFullPath(folder[file])), Enumerable.Range(0, 2).Select(i => Path.GetFullPath(train.FileOf(i))));
    }

    [Fact]
    public void Other_parts_have_the_training_list_s_classes_and_missing_clips_stay_in_the_set()
    {
        using TempFolder folder = Lists("annotations/");
        folder.Write("annotations/validate.csv", Header + "zumba,ccccccccccc,1,11,val\nzumba,ddddddddddd,1,11,val\n");
        folder.Write("val/zumba/ddddddddddd_000001_000011.mp4", "");
        LabelledDataset test = Clips.Open("kinetics:" + folder.Path, train: false);
        Assert.Equal(["air drumming", "zumba"], test.ClassNames);
        Assert.Equal([1, 1], Enumerable.Range(0, test.Count).Select(test.Label));
        Assert.Contains("ccccccccccc", Assert.Throws<FileNotFoundException>(() => test.FrameCount(0)).Message);
        folder.Write("annotations/validate.csv", Header + "zumba,ddddddddddd,1,11,val\nyoga,ccccccccccc,1,11,val\n");
        Assert.Contains("line 3: 'yoga' is none of the 2 classes", Assert.Throws<InvalidDataException>(() => Clips.Open("kinetics:" + folder.Path, train: false)).Message);
    }

    [Theory]
    [InlineData("youtube_id,time_start,time_end,split\naaaaaaaaaaa,1,11,test\n", "label is missing")]
    [InlineData(Header + "zumba,aaaaaaaaaaa,1\n", "line 2: 3 columns, expected")]
    [InlineData(Header + "zumba,aaaaaaaaaaa,one,11,train\n", "line 2: 'one' is not a time in seconds")]
    [InlineData(Header + "zumba,aaaaaaaaaaa,1,-11,train\n", "line 2: '-11' is not a time in seconds")]
    [InlineData(Header + "zumba,../../aaaaa,1,11,train\n", "line 2: '../../aaaaa' is not the id of a video")]
    [InlineData(Header + "..,aaaaaaaaaaa,1,11,train\n", "line 2: the label '..' is not the name of a class")]
    [InlineData(Header, "lists no clips")]
    [InlineData(Header + "\"zumba,aaaaaaaaaaa,1,11,train\n", "line 2: a quoted field is never closed")]
    public void Bad_lists_are_named(string content, string reason)
    {
        using TempFolder folder = new();
        string path = folder.Write("train.csv", content);
        string message = Assert.Throws<InvalidDataException>(() => Clips.Open("kinetics:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using TempFolder folder = Lists("");
        Assert.Contains("test.csv", Assert.Throws<FileNotFoundException>(() => Clips.Open($"kinetics:{folder.Path}#test")).Message);
        Assert.Contains("not one of its 2 clips is there", Assert.Throws<FileNotFoundException>(() => Clips.Open("kinetics:" + folder.Path)).Message);
    }

    private static TempFolder Lists(string place)
    {
        TempFolder folder = new();
        folder.Write($"{place}train.csv", Header + "zumba,bbbbbbbbbbb,3,13,train\n\"air drumming\",-0tPuJ_AAAA,12,22,train\n");
        return folder;
    }
}
