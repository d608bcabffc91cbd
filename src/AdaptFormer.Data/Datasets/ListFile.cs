namespace AdaptFormer.Data;

/// <summary>Text files with an entry a line, as data sets come with.</summary>
internal static class ListFile
{
    /// <summary>The lines that are not empty, trimmed, with their numbers from 1.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static IEnumerable<(int Line, string Text)> Lines(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no list '{path}'.", path);
        return Read();

        IEnumerable<(int, string)> Read()
        {
            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                number++;
                if (line.Trim() is { Length: > 0 } text) yield return (number, text);
            }
        }
    }

    /// <summary>A list of class names.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is empty, or names a class twice.</exception>
    public static string[] Names(string path)
    {
        string[] names = [.. Lines(path).Select(line => line.Text)];
        if (names.Length == 0) throw new InvalidDataException($"{path} names no classes.");
        string? twice = names.CountBy(name => name).Where(pair => pair.Value > 1).Select(pair => pair.Key).FirstOrDefault();
        return twice is null ? names : throw new InvalidDataException($"{path} names the class '{twice}' more than once.");
    }

    /// <summary>Splits a line into a path and what follows its last blank.</summary>
    /// <exception cref="InvalidDataException">There is no blank.</exception>
    public static (string Path, string Label) PathAndLabel(string file, int line, string text)
    {
        int blank = text.LastIndexOfAny([' ', '\t']);
        return blank > 0 ? (text[..blank].TrimEnd(), text[(blank + 1)..]) : throw new InvalidDataException($"{file}, line {line}: '{BadLine(text)}' is not a path, a blank and a label.");
    }

    private static string BadLine(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
