using System.Text.RegularExpressions;
using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Lines of text that break between fields or words alone: a path that is longer than the terminal is wide stays whole, so that it
/// can be copied.
/// </summary>
/// <param name="text">One line of clean text.</param>
internal sealed partial class Prose(string text) : Renderable
{
    private const string Hang = "    ";

    /// <summary>Breaks a line; what follows the first is indented.</summary>
    /// <param name="text">The line.</param>
    /// <param name="width">Cells of a line.</param>
    /// <param name="hang">What further lines begin with.</param>
    public static IReadOnlyList<string> Wrap(string text, int width, string hang = Hang)
    {
        List<string> lines = [];
        string line = text[..^text.TrimStart(' ').Length];
        bool empty = true;
        foreach (Match field in Fields().Matches(text))
        {
            if (Cells(hang) + Cells(field.Value.TrimEnd()) <= width) Add(field.Value);
            else foreach (Match word in Words().Matches(field.Value)) Add(word.Value);
        }

        lines.Add(line.TrimEnd());
        return lines;

        void Add(string piece)
        {
            if (!empty && Cells(line) + Cells(piece.TrimEnd()) > width)
            {
                lines.Add(line.TrimEnd());
                line = hang;
            }

            line += piece;
            empty = false;
        }
    }

    /// <summary>How many cells of a terminal a text takes.</summary>
    public static int Cells(string text) => new Segment(text).CellCount();

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        foreach (string line in Wrap(text, maxWidth))
        {
            yield return new Segment(line);
            yield return Segment.LineBreak;
        }
    }

    // Two blanks part fields, such as "loss 2.5" and "train 33.00 %", which stay whole where they can.
    [GeneratedRegex("[^ ]+(?: [^ ]+)* *")]
    private static partial Regex Fields();

    [GeneratedRegex("[^ ]+ *")]
    private static partial Regex Words();
}
