using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data.Datasets;

public sealed class SomethingSomethingDatasetTests
{
    private const string Train = "something-something-v2-train.json", Labels = "something-something-v2-labels.json";

    [Fact]
    public void Templates_are_labels_and_ids_are_videos()
    {
        using TempFolder folder = Published();
        LabelledDataset train = Clips.Open("ssv2:" + folder.Path), test = Clips.Open("ssv2:" + folder.Path, train: false);
        Assert.Equal(["Approaching something with your camera", "Holding something next to something"], train.ClassNames);
        Assert.Equal([1, 0], Enumerable.Range(0, train.Count).Select(train.Label));
        Assert.Equal(folder[Path.Combine("20bn-something-something-v2", "78687.webm")], train.FileOf(0));
        Assert.Equal([0], Enumerable.Range(0, test.Count).Select(test.Label));
        DatasetSplits.RequireSameClasses(train, test);
        LabelledDataset both = Clips.Open($"ssv2:{folder.Path}#train+validation");
        Assert.Equal([1, 0, 0], Enumerable.Range(0, both.Count).Select(both.Label));
        Assert.Equal(test.Source(0), both.Source(2));
    }

    [Fact]
    public void The_newer_archive_and_folders_of_frames_are_read_too()
    {
        using TempFolder folder = Published();
        Directory.CreateDirectory(folder["labels"]);
        foreach (string name in new[] { "train", "validation", "labels" }) File.Move(folder[$"something-something-v2-{name}.json"], folder[$"labels/{name}.json"]);
        for (byte t = 0; t < 3; t++)
        {
            folder.WritePng($"frames/78687/{t:000}.png", t);
            folder.WritePng($"frames/42326/{t:000}.png", (byte)(10 + t));
        }

        LabelledDataset train = Clips.Open("ssv2:" + folder.Path, root: folder["frames"]);
        Assert.Equal(3, train.FrameCount(1));
        using ClipBuffer clip = new();
        train.Load(1, [0, 2], clip);
        Assert.Equal((10, 12), (clip[0].Pixels[0], clip[1].Pixels[0]));
    }

    [Theory]
    [InlineData(Train, "[\n{\"id\":\"1\",\"template\":\"Holding [something] next to [something]\"},\n{\"id\":\"2\",\"template\":\"Eating [something]\"}]", "line 3: 'Eating something' is none of the 2 classes")]
    [InlineData(Train, "[\n{\"id\":\"../1\",\"template\":\"Holding [something] next to [something]\"}]", "line 2: the id '../1' is not a number")]
    [InlineData(Train, "[\n\n{\"id\":\"1\"}]", "line 3: expected an object with an id and a template; template is missing")]
    [InlineData(Train, "[\n{\"id\":\"1\",\"template\":\"Hold", "line 2: ")]
    [InlineData(Train, "{}", "expected an array")]
    [InlineData(Train, "[]", "lists no clips")]
    [InlineData(Labels, "{\"a\":\"0\",\"b\":\"2\"}", "the number 2 of 'b' is not one of its own in 0 to 1")]
    [InlineData(Labels, "{\"a\":\"0\",\"b\":\"0\"}", "the number 0 of 'b'")]
    [InlineData(Labels, "[]", "expected an object of templates")]
    [InlineData(Labels, "{}", "names no classes")]
    public void Bad_lists_are_named(string file, string content, string reason)
    {
        using TempFolder folder = Published();
        string path = folder.Write(file, content);
        string message = Assert.Throws<InvalidDataException>(() => Clips.Open("ssv2:" + folder.Path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using TempFolder folder = Published();
        Assert.Contains("there is no part 'test'; its parts: train, validation", Assert.Throws<ArgumentException>(() => Clips.Open($"ssv2:{folder.Path}#test")).Message);
        Directory.Delete(folder["20bn-something-something-v2"], recursive: true);
        Assert.Contains("not one of its 2 clips is there", Assert.Throws<FileNotFoundException>(() => Clips.Open("ssv2:" + folder.Path)).Message);
        File.Delete(folder[Train]);
        Assert.Contains(Train, Assert.Throws<FileNotFoundException>(() => Clips.Open("ssv2:" + folder.Path)).Message);
    }

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write(Labels, "{\n\"Approaching something with your camera\":\"0\",\n\"Holding something next to something\":\"1\"\n}");
        folder.Write(Train, """
            [
            {"id":"78687","label":"holding potato next to vicks vaporub bottle","template":"Holding [something] next to [something]","placeholders":["potato","vicks vaporub bottle"]},
            {"id":"42326","label":"approaching a wall with your camera","template":"Approaching [something] with your camera","placeholders":["a wall"]}
            ]
            """);
        folder.Write("something-something-v2-validation.json", """[{"id":"7","label":"x","template":"Approaching [something] with your camera","placeholders":["x"]}]""");
        foreach (int id in new[] { 78687, 42326, 7 }) folder.Write($"20bn-something-something-v2/{id}.webm", "");
        return folder;
    }
}
