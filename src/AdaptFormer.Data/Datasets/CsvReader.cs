using System.Text;

namespace AdaptFormer.Data;

/// <summary>Splits comma-separated text (RFC 4180): quoted fields may hold commas and line ends, a quote in them is doubled.</summary>
internal static class CsvReader
{
    /// <summary>The records of a file with the number of the line each begins on; empty lines are left out.</summary>
    /// <exception cref="InvalidDataException">A quoted field does not end, or is followed by other text.</exception>
    public static IEnumerable<(int Line, string[] Fields)> Read(TextReader text, string name)
    {
        StringBuilder field = new();
        List<string> fields = [];
        int number = 0;
        while (text.ReadLine() is { } line)
        {
            int start = ++number;
            if (number == 1) line = line.TrimStart('\uFEFF');
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (!line.Contains('"', StringComparison.Ordinal))
            {
                yield return (start, line.Split(','));
                continue;
            }

            fields.Clear();
            for (int at = 0; at <= line.Length;)
            {
                if (at == line.Length || line[at] != '"')
                {
                    int comma = line.IndexOf(',', at) is var found && found < 0 ? line.Length : found;
                    fields.Add(line[at..comma]);
                    at = comma + 1;
                    continue;
                }

                field.Clear();
                for (at++; ; at++)
                {
                    if (at >= line.Length)
                    {
                        line = text.ReadLine() ?? throw new InvalidDataException($"{name}, line {start}: a quoted field is never closed.");
                        number++;
                        field.Append('\n');
                        at = -1;
                    }
                    else if (line[at] != '"')
                    {
                        field.Append(line[at]);
                    }
                    else if (at + 1 < line.Length && line[at + 1] == '"')
                    {
                        field.Append(line[at++]);
                    }
                    else
                    {
                        break;
                    }
                }

                if (++at < line.Length && line[at] != ',') throw new InvalidDataException($"{name}, line {number}: text follows a closed quote; a quote inside a field is written twice.");
                fields.Add(field.ToString());
                at++;
            }

            yield return (start, [.. fields]);
        }
    }
}
