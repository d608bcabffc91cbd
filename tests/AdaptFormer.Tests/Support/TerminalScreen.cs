using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AdaptFormer.Tests.Support;

/// <summary>What a terminal shows after some output: carriage returns, cursor movement, erasing and wrapping are carried out, colours are counted.</summary>
internal sealed partial class TerminalScreen(int columns)
{
    private readonly List<char[]> _lines = [];
    private readonly HashSet<int> _goesOn = [];
    private int _row, _column;

    /// <summary>How often a colour was chosen.</summary>
    public int Colours { get; private set; }

    /// <summary>Whether the cursor was left hidden.</summary>
    public bool CursorHidden { get; private set; }

    /// <summary>Lines that the terminal itself had to break.</summary>
    public List<string> Broken { get; } = [];

    /// <summary>The lines, without what is blank at their ends and at the screen's end.</summary>
    public string[] Lines => [.. _lines.Select(line => new string(line).TrimEnd()).Reverse().SkipWhile(line => line.Length == 0).Reverse()];

    /// <summary>The same with what the terminal broke put together again.</summary>
    public IReadOnlyList<string> WholeLines
    {
        get
        {
            List<string> whole = [];
            foreach ((int row, string line) in Lines.Index())
            {
                if (row > 0 && _goesOn.Contains(row)) whole[^1] += line;
                else whole.Add(line);
            }

            return whole;
        }
    }

    /// <summary>Takes output.</summary>
    public TerminalScreen Write(string output)
    {
        foreach (Match part in Parts().Matches(output))
        {
            if (part.Groups["code"].Success) Control(part.Groups["arguments"].Value, part.Groups["code"].Value[0]);
            else if (part.Length == 1) Put(part.Value[0]);
        }

        return this;
    }

    private void Control(string arguments, char code)
    {
        int n = int.TryParse(arguments, NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : 0;
        switch (code)
        {
            case 'A': _row = Math.Max(0, _row - Math.Max(1, n)); break;
            case 'B': _row += Math.Max(1, n); break;
            case 'C': _column = Math.Min(columns - 1, _column + Math.Max(1, n)); break;
            case 'D': _column = Math.Max(0, _column - Math.Max(1, n)); break;
            case 'G': _column = Math.Max(0, n - 1); break;
            case 'K': Array.Fill(Line(), ' ', n == 0 ? _column : 0, (n == 1 ? _column + 1 : columns) - (n == 0 ? _column : 0)); break;
            case 'J': for (int row = _row; row < _lines.Count; row++) Array.Fill(_lines[row], ' ', row == _row ? _column : 0, columns - (row == _row ? _column : 0)); break;
            case 'm' when ColourCode().IsMatch(arguments): Colours++; break;
            case 'h' or 'l' when arguments == "?25": CursorHidden = code == 'l'; break;
        }
    }

    private void Put(char c)
    {
        switch (c)
        {
            case '\r': _column = 0; return;
            case '\n': _row++; return;
            case '\b': _column = Math.Max(0, _column - 1); return;
            case < ' ': return;
        }

        if (_column == columns)
        {
            Broken.Add(new string(Line()));
            (_row, _column) = (_row + 1, 0);
            _goesOn.Add(_row);
        }

        Line()[_column++] = c;
    }

    private char[] Line()
    {
        while (_lines.Count <= _row)
        {
            char[] line = new char[columns];
            Array.Fill(line, ' ');
            _lines.Add(line);
        }

        return _lines[_row];
    }

    [GeneratedRegex(@"\x1b\[(?<arguments>[?\d;]*)(?<code>[A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78]|[\s\S]")]
    private static partial Regex Parts();

    [GeneratedRegex(@"(^|;)(3[0-8]|4[0-8]|9\d)")]
    private static partial Regex ColourCode();
}
