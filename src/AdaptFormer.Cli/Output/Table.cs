using Spectre.Console;
using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// A table of plain text in the form that its place asks for: framed, one line below the other where a frame is too wide, or
/// Markdown.
/// </summary>
internal sealed class Table
{
    private readonly (string Title, bool Right)[] _columns;
    private readonly List<string[]> _rows = [];

    /// <summary>An empty table.</summary>
    /// <param name="columns">Titles; a leading <c>&gt;</c> aligns the column right, for numbers.</param>
    public Table(params IEnumerable<string> columns) =>
        _columns = [.. columns.Select(title => title.StartsWith('>') ? (CleanText.Of(title[1..]), true) : (CleanText.Of(title), false))];

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row.</summary>
    public void Add(params IEnumerable<string> cells) => _rows.Add([.. cells.Select(CleanText.Of)]);

    /// <summary>The table as Markdown, which scripts and documents read.</summary>
    public IEnumerable<string> Markdown()
    {
        int[] widths = Widths(text => Prose.Cells(text), (_, _) => true);
        yield return Line(i => _columns[i].Title);
        yield return Line(i => _columns[i].Right ? $"{new string('-', widths[i] - 1)}:" : new string('-', widths[i]));
        foreach (string[] row in _rows) yield return Line(i => row[i]);

        string Line(Func<int, string> cell) =>
            $"| {string.Join(" | ", _columns.Select((_, i) => Pad(cell(i), widths[i], _columns[i].Right)))} |";
    }

    /// <summary>The table for people.</summary>
    /// <param name="width">Cells of a line.</param>
    public IRenderable ForPeople(int width) =>
        Fit(width) is { } widths ? Framed(widths) : new Rows(Stacked(width).Select(line => new Prose(line)));

    private Spectre.Console.Table Framed(int[] widths)
    {
        Spectre.Console.Table table = new() { Border = TableBorder.Rounded };
        for (int i = 0; i < widths.Length; i++)
        {
            Justify side = _columns[i].Right ? Justify.Right : Justify.Left;
            table.AddColumn(new TableColumn(Cell(_columns[i].Title, widths[i])) { Width = widths[i], Alignment = side });
        }

        foreach (string[] row in _rows) table.AddRow([.. row.Select((text, i) => Cell(text, widths[i]))]);
        return table;
    }

    // Broken here: Spectre would leave the blank where it breaks, and so push a right-aligned line off its edge.
    private static string Cell(string text, int width) => Markup.Escape(string.Join('\n', Prose.Wrap(text, width, hang: "")));

    // Every row as a short list of its own; two columns are a list already.
    private IEnumerable<string> Stacked(int width)
    {
        IEnumerable<string> names = _columns.Length == 2 ? _rows.Select(row => row[0]) : _columns.Skip(1).Select(column => column.Title);
        int pad = names.Select(Prose.Cells).DefaultIfEmpty().Max();
        foreach (string[] row in _rows)
        {
            if (_columns.Length == 2)
            {
                foreach (string line in Entry($"{Pad(row[0], pad, false)}  ", row[1], width)) yield return line;
                continue;
            }

            if (row[0].Length > 0) yield return row[0];
            for (int i = 1; i < row.Length; i++)
                foreach (string line in Entry($"  {Pad(_columns[i].Title, pad, false)}  ", row[i], width)) yield return line;
        }
    }

    // A value's lines stand below each other, unless a word of it needs the whole line.
    private static IEnumerable<string> Entry(string name, string value, int width)
    {
        int indent = Prose.Cells(name);
        if (value.Split(' ').Max(Prose.Cells) > width - indent) return [name + value];
        string blanks = new(' ', indent);
        return Prose.Wrap(value, width - indent, hang: "").Select((line, i) => (i == 0 ? name : blanks) + line);
    }

    // Words and numbers stay whole: texts and titles may break between words, cells of numbers never. Null: that is too wide.
    private int[]? Fit(int width)
    {
        int room = width - 3 * _columns.Length - 1;
        int[] natural = Widths(Prose.Cells, (_, _) => true);
        if (natural.Sum() <= room) return natural;
        int[] widths = Widths(Prose.Cells, (i, title) => !title && _columns[i].Right);
        int[] words = Widths(text => text.Split(' ').Max(Prose.Cells), (_, _) => true);
        for (int i = 0; i < widths.Length; i++) widths[i] = Math.Max(widths[i], words[i]);
        if (widths.Sum() > room) return null;
        for (int left = room - widths.Sum(); left > 0; left--)
        {
            int most = Enumerable.Range(0, widths.Length).MaxBy(i => natural[i] - widths[i]);
            widths[most]++;
        }

        return widths;
    }

    private int[] Widths(Func<string, int> size, Func<int, bool, bool> counts) =>
    [
        .. _columns.Select((column, i) => Math.Max(
            1, _rows.Where(_ => counts(i, false)).Select(row => size(row[i])).Append(counts(i, true) ? size(column.Title) : 0).Max())),
    ];

    private static string Pad(string text, int width, bool right)
    {
        string blanks = new(' ', Math.Max(0, width - Prose.Cells(text)));
        return right ? blanks + text : text + blanks;
    }
}
