namespace AdaptFormer.Data;

/// <summary>
/// Opens clips from the text that a recipe gives: a path, whose kind is recognised, or <c>kind:path</c>. Kinds: <c>clips</c> (a folder of video files for each
/// class) and <c>clip-csv</c> (a CSV file with the columns <c>clip</c> and <c>label</c>, and <c>class</c> if the classes have names; a clip is a video file or a folder of frames).
/// </summary>
public static class ClipSource
{
    /// <summary>Every kind that can be named.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["clips", "clip-csv"];

    /// <summary>Opens a set of clips.</summary>
    /// <param name="spec">A path, or <c>kind:path</c>.</param>
    /// <param name="root">Folder that paths in a list are relative to; that of the list if null.</param>
    /// <param name="classNames">Classes that the labels of a list refer to, usually the training set's; null: the list's own.</param>
    /// <exception cref="FileNotFoundException">There is no such path, or no such clip.</exception>
    /// <exception cref="ArgumentException">The kind is unknown.</exception>
    /// <exception cref="InvalidDataException">The list is damaged or inconsistent.</exception>
    public static ClipDataset Open(string spec, string? root = null, IReadOnlyList<string>? classNames = null)
    {
        int colon = spec.IndexOf(':', StringComparison.Ordinal);
        string kind = colon > 1 ? spec[..colon] : "auto", path = colon > 1 ? spec[(colon + 1)..] : spec;
        if (kind == "auto") kind = Directory.Exists(path) ? "clips" : "clip-csv";
        return kind switch
        {
            "clips" => VideoFileDataset.OpenFolder(path),
            "clip-csv" => OpenCsv(path, root, classNames),
            _ => throw new ArgumentException($"Data '{spec}': kind '{kind}' is not one of clips; known: {string.Join(", ", Kinds)}."),
        };
    }

    /// <summary>A set of the clips of a list, each a video file or a folder of frames; the endings of files may be left out of the list.</summary>
    /// <param name="name">What the set is.</param>
    /// <param name="root">Folder that the paths are relative to.</param>
    /// <param name="paths">The clips.</param>
    /// <param name="labels">The class of each.</param>
    /// <param name="classNames">Names of the classes.</param>
    /// <exception cref="FileNotFoundException">There is nothing at a path; the first such paths are named.</exception>
    /// <exception cref="InvalidDataException">Some are files and some are folders.</exception>
    internal static ClipDataset OfList(string name, string root, IEnumerable<string> paths, IReadOnlyList<int> labels, IReadOnlyList<string> classNames)
    {
        string?[] found = [.. paths.Select(path => Locate(Path.Combine(root, path)))];
        string[] missing = [.. paths.Where((_, i) => found[i] is null).Take(4).Select(path => Path.Combine(root, path))];
        if (missing.Length > 0)
            throw new FileNotFoundException($"{name}: there is no video or folder of frames {string.Join(", ", missing.Take(3))}{(missing.Length > 3 ? " …" : "")}; set data.clip.root to the folder that the list's paths are relative to.", missing[0]);
        int folders = found.Count(Directory.Exists);
        if (folders == 0) return new VideoFileDataset(name, found!, labels, classNames);
        if (folders < found.Length) throw new InvalidDataException($"{name}: {folders} clips are folders of frames and {found.Length - folders} are video files; a list has one kind.");
        return new FrameFolderDataset(name, [.. found.Select((folder, i) => new FrameFolderDataset.Clip(folder!, labels[i]))], classNames);
    }

    private static string? Locate(string path) =>
        Path.Exists(path) ? path : VideoFileDataset.Extensions.Select(ending => path + ending).FirstOrDefault(File.Exists);

    private static ClipDataset OpenCsv(string path, string? root, IReadOnlyList<string>? classNames)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no list of clips '{path}'.", path);
        string folder = root ?? Path.GetDirectoryName(Path.GetFullPath(path))!;
        ListBuilder list = new(path, folder);
        string[]? header = null;
        int clip = -1, label = -1;
        using StreamReader text = new(path);
        foreach ((int line, string[] fields) in CsvReader.Read(text, path))
        {
            if (header is null)
            {
                header = fields;
                clip = Array.IndexOf(header, "clip");
                label = Array.IndexOf(header, "class") is var named and >= 0 ? named : Array.IndexOf(header, "label");
                if (clip < 0 || label < 0) throw new InvalidDataException($"{path}: expected a first line with the columns clip and label (or class), got {string.Join(",", header)}.");
                continue;
            }

            if (fields.Length != header.Length) throw new InvalidDataException($"{path}, line {line}: {fields.Length} columns, expected {header.Length}.");
            list.Add(line, fields[clip], fields[label]);
        }

        (IReadOnlyList<string> names, int[] labels) = list.Finish(classNames);
        return OfList(path, folder, Enumerable.Range(0, list.Paths.Count).Select(i => list.Paths[i]), labels, names);
    }
}
