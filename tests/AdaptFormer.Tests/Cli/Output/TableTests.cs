using AdaptFormer.Cli.Output;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

public sealed class TableTests
{
    private const int Narrow = 60;

    [Fact]
    public void Titles_break_between_words_and_numbers_never()
    {
        string[] lines = Draw(["method", ">trainable parameters", ">peak memory while training"], ["AdaptFormer-64", "1,189,632 (1.37 %)", "2.10 GB"]);
        Assert.All(lines, line => Assert.InRange(line.Length, 1, Narrow));
        Assert.Contains(lines, line => line.Contains(" 1,189,632 (1.37 %) ", StringComparison.Ordinal));
        Assert.StartsWith("╭", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_is_too_wide_becomes_a_list()
    {
        string[] lines = Draw(
            ["method", ">validation", ">test", ">trainable", ">time", ">an epoch", ">peak memory", ">adapter"],
            ["AdaptFormer-64", "98.00 ± 1.00", "97.00 ± 1.00", "1,189,632", "1 h 05 min", "3 min 15 s", "2.10 GB", "4.81 MB"]);
        Assert.Equal(["AdaptFormer-64", "  validation   98.00 ± 1.00", "  test         97.00 ± 1.00"], lines[..3]);
    }

    [Fact]
    public void A_path_stays_whole()
    {
        string path = string.Concat(Enumerable.Repeat("folder/", 12)) + "adapter.safetensors";
        using StringWriter output = new();
        Table table = new("result", ">");
        table.Add("adapter", path);
        new Screen(output, TextWriter.Null, true, true, Narrow).Write(table);
        Assert.Contains(path, output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adaptformer: one two three", 20, "adaptformer: one two|    three")]
    [InlineData("loss 2.5  train 33.00 %  lr 0.1", 22, "loss 2.5|    train 33.00 %|    lr 0.1")]
    [InlineData("/a/path/that/is/long is", 10, "/a/path/that/is/long|    is")]
    [InlineData("", 10, "")]
    public void Lines_break_between_words(string text, int width, string lines) => Assert.Equal(lines.Split('|'), Prose.Wrap(text, width));

    private static string[] Draw(string[] columns, string[] row)
    {
        using StringWriter output = new();
        Table table = new(columns);
        table.Add(row);
        new Screen(output, TextWriter.Null, true, true, Narrow).Write(table);
        TerminalScreen screen = new TerminalScreen(Narrow).Write(output.ToString().ReplaceLineEndings("\r\n"));
        Assert.Empty(screen.Broken);
        return screen.Lines;
    }
}
