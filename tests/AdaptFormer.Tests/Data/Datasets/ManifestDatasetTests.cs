using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ManifestDatasetTests
{
    [Theory]
    [InlineData("path,label\na.png,dog\nsub/b.png,cat\n", new[] { "cat", "dog" }, new[] { 1, 0 })]
    [InlineData("a.png,dog\n\"sub/b.png\",\"cat, large\"\n", new[] { "cat, large", "dog" }, new[] { 1, 0 })]
    [InlineData("a.png,2\nsub/b.png,0\n", new[] { "0", "1", "2" }, new[] { 2, 0 })]
    [InlineData("id,Label,File\n7,x,a.png\n8,y,sub/b.png\n", new[] { "x", "y" }, new[] { 0, 1 })]
    public void Labels_are_names_or_numbers_with_or_without_a_header(string csv, string[] names, int[] labels)
    {
        using TempFolder folder = new();
        folder.WritePng("a.png", 1);
        folder.WritePng("sub/b.png", 2);
        ManifestDataset data = ManifestDataset.Open(folder.Write("list.csv", csv));
        Assert.Equal(names, data.ClassNames);
        Assert.Equal(labels, Enumerable.Range(0, data.Count).Select(data.Label));
        using ImageBuffer image = new();
        data.Load(1, image);
        Assert.Equal(2, image.Pixels[0]);
    }

    [Theory]
    [InlineData("a.png,dog\n../b.png,cat\n", "line 2", "leads out")]
    [InlineData("a.png,dog\nb.png\n", "line 2", "1 field,")]
    [InlineData("a.png,fish\n", "line 1", "none of the 2 classes")]
    [InlineData("a.png,2\n", "line 1", "out of range")]
    [InlineData("path,size,age\na.png,2,3\n", "label column", "label")]
    [InlineData("a.png,\"dog\n", "line 1", "never closed")]
    [InlineData("", "list.csv", "no pictures")]
    public void Bad_lines_are_named(string csv, string where, string what)
    {
        using TempFolder folder = new();
        string path = folder.Write("list.csv", csv);
        string message = Assert.Throws<InvalidDataException>(() => ManifestDataset.Open(path, ["cat", "dog"])).Message;
        Assert.Contains(where, message);
        Assert.Contains(what, message);
    }

    [Fact]
    public void A_json_lines_manifest_has_an_object_a_line()
    {
        using TempFolder folder = new();
        folder.WritePng("a.png", 1);
        LabelledDataset names = DatasetSource.Open(folder.Write("list.jsonl", "{\"path\": \"a.png\", \"label\": \"dog\", \"size\": 3}\n\n{\"file_name\": \"b \\u00e9.png\", \"label\": \"cat\"}\n"));
        Assert.Equal(["cat", "dog"], names.ClassNames);
        Assert.Equal([1, 0], Enumerable.Range(0, names.Count).Select(names.Label));
        Assert.EndsWith("b \u00e9.png", names.Source(1));
        LabelledDataset numbers = DatasetSource.Open("jsonl:" + folder.Write("numbers.jsonl", "{\"path\": \"a.png\", \"label\": 3}\n"));
        Assert.Equal((3, 4), (numbers.Label(0), numbers.ClassNames.Count));
    }

    [Theory]
    [InlineData("{\"path\": \"a.png\", \"label\": 1}\n{\"path\": \"a.png\"\n", "line 2")]
    [InlineData("[1]\n", "line 1: expected a JSON object")]
    [InlineData("{\"label\": 1}\n", "none of the keys path, file")]
    [InlineData("{\"path\": \"a.png\", \"label\": [1]}\n", "'label' is Array")]
    [InlineData("{\"path\": \"../a.png\", \"label\": 1}\n", "leads out")]
    public void Bad_json_lines_are_named(string content, string reason)
    {
        using TempFolder folder = new();
        string path = folder.Write("list.jsonl", content);
        string message = Assert.Throws<InvalidDataException>(() => ManifestDataset.Open(path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void An_entry_costs_its_path_and_eight_bytes()
    {
        using TempFolder folder = new();
        const int Entries = 20_000;
        string path = folder.Write("many.csv", string.Join('\n', Enumerable.Range(0, Entries).Select(i => $"train/class_{i % 100:000}/picture_{i:0000000}.jpg,class_{i % 100:000}")));
        ManifestDataset data = ManifestDataset.Open(path);
        Assert.Equal(100, data.ClassNames.Count);
        Assert.EndsWith("train/class_099/picture_0019999.jpg", data.Source(Entries - 1).Replace('\\', '/'));
        Assert.Equal((Entries * (35L + 8)) + 4, data.ListBytes);
    }
}
