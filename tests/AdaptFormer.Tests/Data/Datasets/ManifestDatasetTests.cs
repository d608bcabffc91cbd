using AdaptFormer.Data;
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
    [InlineData("a.png,dog\nb.png\n", "line 2", "fields")]
    [InlineData("a.png,fish\n", "line 1", "none of the 2 classes")]
    [InlineData("a.png,2\n", "line 1", "out of range")]
    [InlineData("path,size\na.png,2\n", "label column", "label")]
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
}
