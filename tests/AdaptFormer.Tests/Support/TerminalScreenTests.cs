using Xunit;

namespace AdaptFormer.Tests.Support;

public sealed class TerminalScreenTests
{
    [Theory]
    [InlineData("one\r\ntwo", "one|two")]
    [InlineData("bar 50 %\rbar 90 %", "bar 90 %")]
    [InlineData("above\r\nbar\u001b[2K\rbelow", "above|below")]
    [InlineData("bar\r\nbar\u001b[2K\u001b[1A\u001b[2K\rend", "end")]
    [InlineData("\u001b[38;5;2m━━\u001b[0m 1", "━━ 1")]
    [InlineData("123456789012", "1234567890|12")]
    [InlineData("long line\u001b[3D\u001b[K", "long l")]
    public void What_is_left_on_a_terminal_is_what_was_written_last(string output, string lines) =>
        Assert.Equal(lines.Split('|'), new TerminalScreen(10).Write(output).Lines);

    [Fact]
    public void Colours_and_broken_lines_are_counted()
    {
        TerminalScreen screen = new TerminalScreen(10).Write("\u001b[?25l\u001b[1;32m12345678901\u001b[0m");
        Assert.Equal((1, 1, true), (screen.Colours, screen.Broken.Count, screen.CursorHidden));
        Assert.Equal(["12345678901"], screen.WholeLines);
    }
}
