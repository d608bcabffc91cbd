using System.Text;
using System.Text.Unicode;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>Text files with an entry a line, as data sets come with. They are UTF-8, or UTF-16 with its mark; text of another encoding is
/// refused, never guessed.</summary>
public static class ListFile
{
    private const string WayOut = "save the file as UTF-8 (Excel: \"CSV UTF-8\"; or iconv -f ENCODING -t UTF-8)";

    /// <summary>All lines as they are.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not UTF-8; the message gives the line.</exception>
    public static IEnumerable<string> AllLines(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no list '{path}'.", path);
        return Read();

        IEnumerable<string> Read()
        {
            using StreamReader text =
                new(RegularFile.Open(path), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            for (int number = 1; Next(text) is { } line; number++)
            {
                if (line.Contains('\0', StringComparison.Ordinal))
                    throw new InvalidDataException(
                        $"{path}, line {number}: not UTF-8 but UTF-16 without its mark, or no text at all; {WayOut}.");
                yield return line;
            }
        }

        string? Next(StreamReader text)
        {
            try
            {
                return text.ReadLine();
            }
            catch (DecoderFallbackException)
            {
                throw NotUtf8(path);
            }
        }
    }

    /// <summary>The lines that are not empty, trimmed, with their numbers from 1.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not UTF-8.</exception>
    internal static IEnumerable<(int Line, string Text)> Lines(string path) =>
        AllLines(path).Select((line, i) => (i + 1, line.Trim())).Where(line => line.Item2.Length > 0);

    /// <summary>A list of class names, one a line; empty lines are passed over.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is empty, not UTF-8, or names a class twice.</exception>
    public static string[] Names(string path)
    {
        string[] names = [.. Lines(path).Select(line => line.Text)];
        if (names.Length == 0) throw new InvalidDataException($"{path} names no classes.");
        string? twice = names.CountBy(name => name).Where(pair => pair.Value > 1).Select(pair => pair.Key).FirstOrDefault();
        return twice is null ? names : throw new InvalidDataException($"{path} names the class '{twice}' more than once.");
    }

    /// <summary>Splits a line into a path and what follows its last blank.</summary>
    /// <exception cref="InvalidDataException">There is no blank.</exception>
    internal static (string Path, string Label) PathAndLabel(string file, int line, string text)
    {
        int blank = text.LastIndexOfAny([' ', '\t']);
        return blank > 0
            ? (text[..blank].TrimEnd(), text[(blank + 1)..])
            : throw new InvalidDataException($"{file}, line {line}: '{BadLine(text)}' is not a path, a blank and a label.");
    }

    private static string BadLine(string text) => text.Length <= 80 ? text : text[..77] + "...";

    /// <summary>The error of a file that is not UTF-8, with the first line that is not and the bytes that say so.</summary>
    private static InvalidDataException NotUtf8(string path)
    {
        ReadOnlySpan<byte> rest = RegularFile.ReadAllBytes(path, "a list");
        for (int number = 1; !rest.IsEmpty; number++)
        {
            int end = rest.IndexOf((byte)'\n') is var at && at < 0 ? rest.Length : at + 1;
            if (!Utf8.IsValid(rest[..end]))
            {
                int first = FirstBad(rest[..end]);
                return new InvalidDataException(
                    $"{path}, line {number}: not UTF-8 (byte {first + 1} of the line is {rest[first]:X2}); {WayOut}.");
            }

            rest = rest[end..];
        }

        return new InvalidDataException($"{path}: not UTF-8; {WayOut}.");
    }

    private static int FirstBad(ReadOnlySpan<byte> line)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(line[at..], out _, out int taken) == System.Buffers.OperationStatus.Done) at += taken;
        return at;
    }
}
