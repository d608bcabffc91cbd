using System.Text;

namespace AdaptFormer.Data.Datasets;

/// <summary>Splits separated text (RFC 4180): quoted fields may hold separators and line ends, a quote in them is doubled.</summary>
internal static class CsvReader
{
    private const int LooksAt = 20;
    private static readonly char[] Separators = [',', ';', '\t'];

    /// <summary>The separator of a file: the first of comma, semicolon and tab that divides its first lines into equally many fields, at
    /// least two; else null.</summary>
    /// <exception cref="InvalidDataException">The file is not UTF-8.</exception>
    public static char? SeparatorOf(string path)
    {
        string[] start = [.. ListFile.AllLines(path).Take(LooksAt + 1)];
        foreach (char separator in Separators)
        {
            try
            {
                int[] fields = [.. Read(start, path, separator).Take(LooksAt).Select(record => record.Fields.Length)];
                if (fields.Length > 0 && fields[0] > 1 && fields.All(count => count == fields[0])) return separator;
            }
            catch (InvalidDataException)
            {
                // Quotes that make no sense with this separator: it is another.
            }
        }

        return null;
    }

    /// <summary>The records of a file with the number of the line each begins on; empty lines are left out.</summary>
    /// <exception cref="InvalidDataException">The file is not UTF-8, or a quoted field does not end, or is followed by other
    /// text.</exception>
    public static IEnumerable<(int Line, string[] Fields)> Read(string path, char separator = ',') =>
        Read(ListFile.AllLines(path), path, separator);

    private static IEnumerable<(int Line, string[] Fields)> Read(IEnumerable<string> lines, string name, char separator)
    {
        using IEnumerator<string> text = lines.GetEnumerator();
        StringBuilder field = new();
        List<string> fields = [];
        int number = 0;
        while (text.MoveNext())
        {
            string line = text.Current;
            int start = ++number;
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (!line.Contains('"', StringComparison.Ordinal))
            {
                yield return (start, line.Split(separator));
                continue;
            }

            fields.Clear();
            for (int at = 0; at <= line.Length;)
            {
                if (at == line.Length || line[at] != '"')
                {
                    int end = line.IndexOf(separator, at) is var found && found < 0 ? line.Length : found;
                    fields.Add(line[at..end]);
                    at = end + 1;
                    continue;
                }

                field.Clear();
                for (at++; ; at++)
                {
                    if (at >= line.Length)
                    {
                        line = text.MoveNext()
                            ? text.Current
                            : throw new InvalidDataException($"{name}, line {start}: a quoted field is never closed.");
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

                if (++at < line.Length && line[at] != separator)
                    throw new InvalidDataException(
                        $"{name}, line {number}: text follows a closed quote; a quote inside a field is written twice.");
                fields.Add(field.ToString());
                at++;
            }

            yield return (start, [.. fields]);
        }
    }
}
