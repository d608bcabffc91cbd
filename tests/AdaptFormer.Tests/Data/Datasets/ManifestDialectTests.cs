using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Lists as other programs write them: each of the same six pictures and two classes.</summary>
public sealed class ManifestDialectTests
{
    [Theory]
    [InlineData("image_id.csv", "cat", "dog")]
    [InlineData("kaggle.csv", "0", "1")]
    [InlineData("roboflow.csv", "cat", "dog")]
    [InlineData("semicolon.csv", "cat", "dog")]
    [InlineData("backslash.csv", "cat", "dog")]
    public void Every_dialect_gives_the_same_pictures_and_classes(string name, string first, string second)
    {
        LabelledDataset data = DatasetSource.Open(Inputs.At("manifests", name));
        Assert.Equal([first, second], data.ClassNames);
        Assert.False(data.MultiLabel);
        Assert.Equal([0, 0, 0, 1, 1, 1], Enumerable.Range(0, data.Count).Select(data.Label));
        Assert.All(Enumerable.Range(0, data.Count), index => Assert.True(data.IsThere(index), data.Source(index)));
        using ImageBuffer image = new();
        data.Load(5, image);
        Assert.True(image.Width > 0);
    }

    [Fact]
    public void Paths_of_Windows_are_said_to_be_read_otherwise()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There they are what they seem.");
        Assert.Contains("6 paths have backslashes", Assert.Single(DatasetSource.Open(Inputs.At("manifests", "backslash.csv")).Notes));
    }

    [Theory]
    [InlineData("a.png\tcat\nb.png\tdog\n")]
    [InlineData("weird;extra;kind\na.png;1;cat\nb.png;2;dog\n", "kind")]
    [InlineData("what,which\na.png,cat\nb.png,dog\n")]
    [InlineData("image,level\na.png,cat\nb.png,dog\n")]
    [InlineData("image,label\na.png,cat\n,\nb.png,dog\n,\n")]
    [InlineData("a.png;\"cat\"\n\"b.png\";dog\n")]
    [InlineData("path,label\r\na,cat\r\nb,dog\r\n")]
    public void Separators_headers_and_empty_rows_vary(string csv, string? column = null)
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = column is null ? DatasetSource.Open(folder.Write("list.csv", csv)) : ManifestDataset.Open(folder.Write("list.csv", csv), labelColumn: column);
        Assert.Equal(["cat", "dog"], data.ClassNames);
        Assert.Equal([0, 1], Enumerable.Range(0, data.Count).Select(data.Label));
        Assert.All([0, 1], index => Assert.True(data.IsThere(index)));
    }

    [Theory]
    [InlineData("a.png;cat\n")]
    [InlineData("a.png\tcat\n")]
    [InlineData("a.png,cat")]
    public void A_list_of_one_line_is_a_list(string csv)
    {
        using TempFolder folder = Pictures();
        LabelledDataset data = DatasetSource.Open(folder.Write("list.csv", csv));
        Assert.Equal((1, "cat"), (data.Count, Assert.Single(data.ClassNames)));
        Assert.True(data.IsThere(0));
    }

    [Fact]
    public void What_was_taken_for_the_header_and_for_the_label_is_said()
    {
        using TempFolder folder = Pictures();
        string list = folder.Write("list.csv", "what,which\na.png,cat\nb.png,dog\n");
        Assert.Equal(
            [$"{list}: the first line, 'what,which', is taken for a header", $"{list}: the label is taken from the column 'which'"],
            DatasetSource.Open(list).Notes);
    }

    [Fact]
    public void Columns_of_classes_may_give_an_item_several_or_none()
    {
        using TempFolder folder = Pictures();
        string list = folder.Write("list.csv", "filename,night,rain\na.png,1,1\nb.png,0.0,0.0\n");
        LabelledDataset data = DatasetSource.Open(list);
        Assert.True(data.MultiLabel);
        Assert.Equal(["night", "rain"], data.ClassNames);
        Assert.Equal([0, 1], data.Labels(0));
        Assert.Empty(data.Labels(1));
        LabelledDataset clips = Clips.Open(folder.Write("clips.csv", "video,night,rain\nx,1,1\ny,0,0\n"), root: folder["clips"]);
        Assert.Equal([0, 1], clips.Labels(0));
        Assert.Empty(clips.Labels(1));
        Assert.Contains("line 3: '2' in the column of the class rain", Bad(folder, "filename,night,rain\na.png,1,1\nb.png,0,2\n"));
    }

    [Theory]
    [InlineData("path,label\na.png,cat\nb.png,\n", "line 3: the label is empty")]
    [InlineData("path,label\na.png,cat\n,dog\n", "line 3: the path is empty")]
    [InlineData("what,which,why\na.png,cat,x\nb.png,dog,y\n", "the header 'what,which,why' lacks a label column")]
    [InlineData("a.png|cat\nb.png|dog\n", "1 field, divided by commas")]
    public void What_cannot_be_understood_is_refused(string csv, string reason)
    {
        using TempFolder folder = Pictures();
        Assert.Contains(reason, Bad(folder, csv));
    }

    [Fact]
    public void Half_a_character_in_json_is_named_with_its_line()
    {
        using TempFolder folder = Pictures();
        string path = folder.Write("list.jsonl", "{\"path\": \"a.png\", \"label\": \"\\ud800\"}\n");
        Assert.StartsWith($"{path}, line 1: ", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(path)).Message);
    }

    private static string Bad(TempFolder folder, string csv)
    {
        string path = folder.Write("list.csv", csv);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open(path)).Message;
        Assert.StartsWith(path, message);
        return message;
    }

    private static TempFolder Pictures()
    {
        TempFolder folder = new();
        foreach (string file in new[] { "a.png", "b.png", "clips/x/1.png", "clips/y/1.png" }) folder.WritePng(file, 1);
        return folder;
    }
}
