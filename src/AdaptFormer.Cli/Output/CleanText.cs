using System.Globalization;
using System.Text;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// The one cleaning of text on its way to a terminal, a file or a script: file names, class names, messages and what a server
/// says may hold characters that move the cursor, hide text or turn its direction. They are shown as <c>\u001B</c>, which in
/// JSON strings is the same character escaped, so one rule serves both.
/// </summary>
internal static class CleanText
{
    /// <summary>
    /// The text in one line: control characters, line separators, bidirectional marks and lone surrogates are written out; a tab is
    /// a blank.
    /// </summary>
    public static string Of(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~')) return text;
        StringBuilder clean = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) clean.Append(c).Append(text[++i]);
            else if (c == '\t') clean.Append(' ');
            else if (IsHarmful(c)) clean.Append("\\u").Append(((int)c).ToString("X4", CultureInfo.InvariantCulture));
            else clean.Append(c);
        }

        return clean.ToString();
    }

    /// <summary>The lines of a text that may have several, each cleaned.</summary>
    public static IEnumerable<string> Lines(string text) => text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Select(Of);

    // Of invisible characters, joiners stay: some scripts and emoji need them.
    private static bool IsHarmful(char c) => char.IsControl(c) || char.IsSurrogate(c)
        || c is '\u2028' or '\u2029' or '\u061C' or '\u200E' or '\u200F' or '\uFEFF'
        or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
