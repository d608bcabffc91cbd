using Spectre.Console;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Where the program writes. Results go to stdout, everything about problems to stderr. On a terminal there is colour and
/// movement; redirected, under an MPI launcher (which lends its ranks a pseudo-terminal) or with <c>NO_COLOR</c> there is plain text.
/// </summary>
internal sealed class Screen
{
    private const int RedirectedWidth = 4096;     // no line of ours breaks

    /// <summary>A screen on two writers.</summary>
    /// <param name="output">stdout.</param>
    /// <param name="error">stderr.</param>
    /// <param name="terminal">Whether <paramref name="output"/> is a terminal.</param>
    public Screen(TextWriter output, TextWriter error, bool terminal)
    {
        (OutWriter, ErrorWriter, Live) = (output, error, terminal);
        Out = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal) Out.Profile.Width = RedirectedWidth;
    }

    /// <summary>stdout with layout and colour.</summary>
    public IAnsiConsole Out { get; }

    /// <summary>stdout as it is, for JSON.</summary>
    public TextWriter OutWriter { get; }

    /// <summary>stderr.</summary>
    public TextWriter ErrorWriter { get; }

    /// <summary>Whether text may move: bars, counters.</summary>
    public bool Live { get; }

    /// <summary>The screen of this process.</summary>
    public static Screen OfProcess()
    {
        bool launched = new[] { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" }.Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 });
        bool plain = Console.IsOutputRedirected || launched || Environment.GetEnvironmentVariable("TERM") == "dumb";
        return new Screen(Console.Out, Console.Error, terminal: !plain);
    }

    /// <summary>A line of plain text on stdout.</summary>
    public void Line(string text) => Out.WriteLine(text);

    /// <summary>A line on stderr, after the program's name.</summary>
    public void Error(string message) => ErrorWriter.WriteLine($"adaptformer: {message}");

    /// <summary>Something that may not be meant; the program goes on.</summary>
    public void Warn(string message) => ErrorWriter.WriteLine($"adaptformer: warning: {message}");

    /// <summary>A line of JSON on stdout, there at once.</summary>
    public void Json(string json)
    {
        OutWriter.WriteLine(json);
        OutWriter.Flush();
    }

    /// <summary>An empty table that suits this screen: framed on a terminal, Markdown when redirected.</summary>
    /// <param name="columns">Titles, plain text; a leading <c>&gt;</c> aligns the column right, for numbers.</param>
    public Table Table(params IEnumerable<string> columns)
    {
        Table table = new() { Border = Live ? TableBorder.Rounded : TableBorder.Markdown };
        foreach (string column in columns)
        {
            bool right = column.StartsWith('>');
            TableColumn made = new(Markup.Escape(right ? column[1..] : column)) { Alignment = right ? Justify.Right : Justify.Left, NoWrap = !Live };
            table.AddColumn(made);
        }

        return table;
    }

    /// <summary>Writes <paramref name="table"/>; redirected, as bare Markdown without the blank lines and padding that a terminal's frame needs.</summary>
    public void Write(Table table)
    {
        if (Live)
        {
            Out.Write(table);
            return;
        }

        using StringWriter text = new();
        new Screen(text, ErrorWriter, terminal: false).Out.Write(table);
        foreach (string line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0)) Line(line);
    }

    /// <summary>Adds a row of plain text to <paramref name="table"/>.</summary>
    public static void Row(Table table, params IEnumerable<string> cells) => table.AddRow([.. cells.Select(Markup.Escape)]);
}
