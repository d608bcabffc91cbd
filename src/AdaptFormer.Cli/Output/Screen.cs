using Spectre.Console;
using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// Where the program writes, and the only place that does. Results go to stdout; progress, notes and problems to stderr. On a
/// terminal there is colour and movement; redirected, under an MPI launcher (which lends its ranks a pseudo-terminal) or on a
/// dumb terminal there are plain lines. With <c>NO_COLOR</c> there is no colour. All text is cleaned here, see <see cref="CleanText"/>.
/// </summary>
internal sealed class Screen
{
    private readonly IAnsiConsole _out, _error;
    private readonly bool _outTerminal, _errorTerminal;
    private bool _lost;

    /// <summary>A screen on two writers that are both a terminal, or both not.</summary>
    public Screen(TextWriter output, TextWriter error, bool terminal) : this(output, error, terminal, terminal)
    {
    }

    /// <summary>A screen on two writers.</summary>
    /// <param name="output">stdout.</param>
    /// <param name="error">stderr.</param>
    /// <param name="outTerminal">Whether <paramref name="output"/> is a terminal.</param>
    /// <param name="errorTerminal">Whether <paramref name="error"/> is a terminal.</param>
    /// <param name="width">Cells of a line on a terminal; its own if null.</param>
    public Screen(TextWriter output, TextWriter error, bool outTerminal, bool errorTerminal, int? width = null)
    {
        (_outTerminal, _errorTerminal) = (outTerminal, errorTerminal);
        ErrorWriter = new GuardedWriter(error, _ => { });
        OutWriter = new GuardedWriter(output, why =>
        {
            Volatile.Write(ref _lost, true);
            Warn($"stdout cannot be written ({why.Message.TrimEnd('.')}): results are not printed. Files are written as always.");
        });
        _out = ConsoleOn(OutWriter, outTerminal, width);
        _error = ConsoleOn(ErrorWriter, errorTerminal, width);
    }

    /// <summary>stdout as it is.</summary>
    public TextWriter OutWriter { get; }

    /// <summary>stderr as it is.</summary>
    public TextWriter ErrorWriter { get; }

    /// <summary>Whether progress and notes are left out; results, warnings and errors are not.</summary>
    public bool Quiet { get; set; }

    /// <summary>Whether this process says nothing but what went wrong, because another speaks for it.</summary>
    public bool Silent { get; set; }

    /// <summary>Who speaks, ahead of what went wrong: <c>rank 1 (node07)</c>; null where there is one process.</summary>
    public string? Speaker { get; set; }

    /// <summary>Whether results were lost, because stdout is full or closed.</summary>
    public bool Lost => Volatile.Read(ref _lost);

    /// <summary>Whether bars are on the screen now; set by <see cref="Bars"/>.</summary>
    public bool Moving { get; set; }

    /// <summary>stderr with layout and colour, where bars move.</summary>
    public IAnsiConsole Notes => _error;

    // On one terminal, text must pass the console that draws the bars: it keeps the two apart.
    private IAnsiConsole Results => Moving && _outTerminal ? _error : _out;

    /// <summary>The screen of this process.</summary>
    public static Screen OfProcess()
    {
        bool launched = new[] { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK" }
            .Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 });
        string? terminal = Environment.GetEnvironmentVariable("TERM");
        if (launched) Environment.SetEnvironmentVariable("TERM", "dumb");     // or .NET sets up the pseudo-terminal, in the results
        bool plain = launched || terminal == "dumb" || (!OperatingSystem.IsWindows() && string.IsNullOrEmpty(terminal));
        return new Screen(
            Open(() => Console.Out), Open(() => Console.Error), !plain && !Console.IsOutputRedirected,
            !plain && !Console.IsErrorRedirected);
    }

    /// <summary>Whether progress is shown as bars: on a terminal, unless JSON lines on the same terminal tell of it.</summary>
    /// <param name="json">Whether stdout holds JSON.</param>
    public bool ShowsBars(bool json) => _errorTerminal && !Quiet && !(json && _outTerminal);

    /// <summary>A line of a result, on stdout.</summary>
    public void Line(string text)
    {
        if (!Silent) Write(Results, _outTerminal, OutWriter, text);
    }

    /// <summary>A line of a program on stdout, to be copied: never broken, however long it is.</summary>
    public void Code(string line) => OutWriter.WriteLine(CleanText.Of(line));

    /// <summary>A line about how things go, on stderr.</summary>
    public void Note(string text)
    {
        if (!Quiet && !Silent) Write(_error, _errorTerminal, ErrorWriter, text);
    }

    /// <summary>What went wrong, on stderr, after the program's name.</summary>
    public void Error(string message) => Say(Speaker is null ? $"adaptformer: {message}" : $"adaptformer: {Speaker}: {message}");

    /// <summary>Something that may not be meant; the program goes on.</summary>
    public void Warn(string message)
    {
        if (!Silent) Say($"adaptformer: warning: {message}");
    }

    /// <summary>A line of JSON on stdout, there at once.</summary>
    public void Json(string json)
    {
        if (Silent) return;
        OutWriter.WriteLine(CleanText.Of(json));
        OutWriter.Flush();
    }

    /// <summary>Writes a table to stdout: framed on a terminal, Markdown when redirected.</summary>
    public void Write(Table table)
    {
        if (Silent) return;
        if (_outTerminal) Show(Results, table.ForPeople(Results.Profile.Width));
        else foreach (string line in table.Markdown()) OutWriter.WriteLine(line);
    }

    private void Write(IAnsiConsole console, bool terminal, TextWriter writer, string text)
    {
        string clean = CleanText.Of(text);
        if (terminal) Show(console, new Prose(clean));
        else writer.WriteLine(clean);
    }

    private void Show(IAnsiConsole console, IRenderable text) => console.Write(Moving ? new Erasing(text) : text);

    // Lines after the first are indented: what a message quotes from outside cannot look like another message.
    private void Say(string message)
    {
        foreach ((int i, string line) in CleanText.Lines(message).Index())
            Write(_error, _errorTerminal, ErrorWriter, i == 0 ? line : $"  {line}");
    }

    private static IAnsiConsole ConsoleOn(TextWriter writer, bool terminal, int? width) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new TerminalOutput(writer, terminal, width),
        Ansi = !terminal ? AnsiSupport.No : OperatingSystem.IsWindows() ? AnsiSupport.Detect : AnsiSupport.Yes,
        ColorSystem = terminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            ? ColorSystemSupport.Detect
            : ColorSystemSupport.NoColors,
        Interactive = terminal ? InteractionSupport.Yes : InteractionSupport.No,
        Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
    });

    // Taken at once: where stdout is closed, a file that is opened later may get its number.
    private static TextWriter Open(Func<TextWriter> stream)
    {
        try
        {
            return stream();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new ClosedWriter();
        }
    }
}
