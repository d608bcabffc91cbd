using System.Text.Json;
using AdaptFormer.Cli.Output;
using Xunit;

namespace AdaptFormer.Tests.Cli.Output;

/// <summary>Names and messages come from strangers; what they hold must not steer a terminal.</summary>
public sealed class CleanTextTests
{
    private const string Evil = "\u001b[31mEVIL\u001b[2J\u0007\r\u009b\u202Egnp.exe\u2066\u2028\u200E";
    private const string Clean = @"\u001B[31mEVIL\u001B[2J\u0007\u000D\u009B\u202Egnp.exe\u2066\u2028\u200E";

    [Theory]
    [InlineData(Evil, Clean)]
    [InlineData("plain [text] 100 %", "plain [text] 100 %")]
    [InlineData("Übung 猫 😀 कि", "Übung 猫 😀 कि")]
    [InlineData("a\tb", "a b")]
    public void Only_what_steers_is_written_out(string text, string clean) => Assert.Equal(clean, CleanText.Of(text));

    [Fact]
    public void Half_a_character_is_written_out() => Assert.Equal(@"a\uD83Db", CleanText.Of("a\ud83db"));

    [Fact]
    public void Every_way_to_the_screen_is_clean()
    {
        foreach (bool terminal in (bool[])[false, true])
        {
            using StringWriter output = new(), error = new();
            Screen screen = new(output, error, terminal);
            Table table = new("name", Evil);
            table.Add("x", Evil);
            screen.Line(Evil);
            screen.Note(Evil);
            screen.Warn(Evil);
            screen.Error(Evil);
            screen.Write(table);
            string all = output.ToString() + error;
            Assert.DoesNotContain("\u001b[31m", all, StringComparison.Ordinal);
            Assert.DoesNotContain("\u001b[2J", all, StringComparison.Ordinal);
            Assert.DoesNotContain(all, c => c is '\u0007' or '\u009b' or '\u202E' or '\u2066' or '\u2028' or '\u200E');
            Assert.Contains(@"\u202Egnp.exe", all, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Json_escapes_and_keeps_the_text()
    {
        using StringWriter output = new();
        new Screen(output, TextWriter.Null, terminal: false).Json("{\"name\":\"a\u202Eb\u009b\u2028\"}");
        Assert.Equal("{\"name\":\"a\\u202Eb\\u009B\\u2028\"}", output.ToString().TrimEnd());
        Assert.Equal("a\u202Eb\u009b\u2028", JsonDocument.Parse(output.ToString()).RootElement.GetProperty("name").GetString());
    }

    [Fact]
    public void A_line_break_in_a_message_starts_no_message_of_its_own()
    {
        using StringWriter error = new();
        new Screen(TextWriter.Null, error, terminal: false).Error("x\nadaptformer: all is well");
        Assert.Equal(["adaptformer: x", "  adaptformer: all is well"], error.ToString().TrimEnd().Split('\n'));
    }
}
