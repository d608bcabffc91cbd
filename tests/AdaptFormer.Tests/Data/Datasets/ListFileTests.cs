using System.Text;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ListFileTests
{
    [Fact]
    public void A_list_in_another_encoding_is_refused_with_its_line()
    {
        string path = Inputs.At("not-utf8", "gbk.csv");
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open(path)).Message;
        Assert.StartsWith($"{path}, line 2: not UTF-8 (byte 13 of the line is B9); save the file as UTF-8", message);
    }

    [Theory]
    [InlineData("list.csv", "a.png,%\n")]
    [InlineData("list.tsv", "a.png\t%\n")]
    [InlineData("list.txt", "a.png %\n")]
    [InlineData("list.jsonl", "{\"path\": \"a.png\", \"label\": \"%\"}\n")]
    public void No_kind_of_list_is_guessed_at(string name, string line)
    {
        using TempFolder folder = new();
        byte[] good = Encoding.UTF8.GetBytes(line.Replace("%", "ok", StringComparison.Ordinal)), bad = Encoding.Latin1.GetBytes(line.Replace("%", "caf\u00e9", StringComparison.Ordinal));
        string path = folder.Write(name, [.. Enumerable.Repeat(good, 300).SelectMany(bytes => bytes), .. bad]);
        folder.WritePng("a.png", 1);
        Assert.Contains($"{path}, line 301: not UTF-8", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(path)).Message);
        string kind = name.EndsWith("jsonl", StringComparison.Ordinal) ? "clip-jsonl" : "clip-csv";
        Assert.Contains($"{path}, line 301: not UTF-8", Assert.Throws<InvalidDataException>(() => Clips.Open($"{kind}:{path}")).Message);
    }

    [Fact]
    public void Class_names_are_read_as_strictly()
    {
        using TempFolder folder = new();
        string path = folder.Write("classes.txt", Encoding.Latin1.GetBytes("ok\ncaf\u00e9\n"));
        Assert.Contains("line 2: not UTF-8", Assert.Throws<InvalidDataException>(() => ListFile.Names(path)).Message);
    }

    [Fact]
    public void Utf16_is_read_by_its_mark_and_refused_without_it()
    {
        using TempFolder folder = new();
        const string Text = "path\tlabel\na.png\tcaf\u00e9\n";
        string marked = folder.Write("marked.csv", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Text)]);
        Assert.Equal(["caf\u00e9"], DatasetSource.Open(marked).ClassNames);
        string bare = folder.Write("bare.csv", Encoding.Unicode.GetBytes("path\tlabel\na.png\tcat\n"));
        Assert.Contains("line 1: not UTF-8 but UTF-16 without its mark", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(bare)).Message);
        Assert.Equal(["x"], DatasetSource.Open(folder.Write("bom.csv", "\uFEFFa.png,x\n")).ClassNames);
    }
}
