using System.Text;
using Spectre.Console;

namespace AdaptFormer.Cli.Output;

/// <summary>A writer as Spectre sees it: a terminal of a certain size, or text whose lines never break.</summary>
/// <param name="writer">Where text goes.</param>
/// <param name="terminal">Whether that is a terminal.</param>
/// <param name="width">Cells of a line; the terminal's own if null.</param>
internal sealed class TerminalOutput(TextWriter writer, bool terminal, int? width) : IAnsiConsoleOutput
{
    private const int Unbroken = 4096, Columns = 80, Rows = 24, Least = 20;

    public TextWriter Writer => writer;

    public bool IsTerminal => terminal;

    public int Width => !terminal ? Unbroken : width ?? Size(() => Console.WindowWidth, Columns);

    public int Height => Size(() => Console.WindowHeight, Rows);

    public void SetEncoding(Encoding encoding)
    {
    }

    private static int Size(Func<int> size, int otherwise)
    {
        try
        {
            return size() is var cells and >= Least ? cells : otherwise;
        }
        catch (IOException)
        {
            return otherwise;   // nobody knows: a pipe on Windows
        }
    }
}
