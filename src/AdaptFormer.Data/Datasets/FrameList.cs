using System.Globalization;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// A list of folders of frames, one clip a line: <c>FOLDER FIRST LAST CLASS</c> with the positions of the first and the last frame, from 1,
/// or <c>FOLDER FRAMES CLASS</c> with their number. Several clips may lie in one folder.
/// </summary>
internal static class FrameList
{
    /// <summary>Reads a list. No folder is opened.</summary>
    /// <param name="list">The file.</param>
    /// <param name="folder">Folder that the paths are relative to.</param>
    /// <param name="classNames">Classes that the labels refer to; null: those of the list.</param>
    /// <exception cref="FileNotFoundException">There is no such list.</exception>
    /// <exception cref="InvalidDataException">A line is malformed, or a path leaves the folder.</exception>
    public static ListedDataset Open(string list, string folder, IReadOnlyList<string>? classNames)
    {
        ListBuilder clips = new(list, folder, "clips");
        List<(int First, int? Last)> ranges = [];
        foreach ((int line, string text) in ListFile.Lines(list))
        {
            // The path may hold blanks, so numbers are taken from the end.
            (string before, string label) = ListFile.PathAndLabel(list, line, text);
            (string path, string last) = ListFile.PathAndLabel(list, line, before);
            int end = Number(last, list, line), start = 1;
            int blank = path.LastIndexOfAny([' ', '\t']);
            if (blank > 0 && int.TryParse(path[(blank + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int first))
                (path, start) = (path[..blank].TrimEnd(), first);
            if (start < 1 || end < start)
                throw new InvalidDataException(
                    $"{list}, line {line}: frames {start} to {end}; they are counted from 1, and a clip has at least one.");
            clips.Add(line, path, label);
            ranges.Add((start - 1, end - 1));
        }

        return ClipLists.Open(list, folder, clips.Items(classNames), ranges);
    }

    private static int Number(string text, string list, int line) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        ? number
        : throw new InvalidDataException(
            $"{list}, line {line}: '{text}' is not a number of frames; expected FOLDER FIRST LAST CLASS, or FOLDER FRAMES CLASS.");
}
