using AdaptFormer.Cli.Output;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

public sealed class ScreenTests
{
    [Fact]
    public void A_redirected_table_is_bare_markdown_whatever_its_width()
    {
        using StringWriter output = new();
        Screen screen = new(output, TextWriter.Null, terminal: false);
        Table table = new("name", ">size");
        string name = string.Concat(Enumerable.Repeat("a long cell ", 40)).TrimEnd();
        table.Add(name, "12");
        screen.Write(table);

        string[] lines = output.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal($"| {"name".PadRight(name.Length)} | size |", lines[0]);
        Assert.Equal($"| {name} |   12 |", lines[2]);
    }

    [Fact]
    public void A_redirected_line_is_never_broken()
    {
        using StringWriter output = new();
        string line = string.Concat(Enumerable.Repeat("words and words ", 50)).TrimEnd();
        new Screen(output, TextWriter.Null, terminal: false).Line(line);
        Assert.Equal(line, output.ToString().TrimEnd('\r', '\n'));
    }
}
