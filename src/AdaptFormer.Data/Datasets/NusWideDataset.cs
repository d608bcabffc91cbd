using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// NUS-WIDE (Chua et al. 2009) as its authors publish it: <c>ImageList/TrainImagelist.txt</c> and <c>TestImagelist.txt</c> with a picture a
/// line, <c>Groundtruth/TrainTestLabels/Labels_CONCEPT_Train.txt</c> and <c>…_Test.txt</c> with a 0 or 1 for each of them,
/// <c>ConceptsList/Concepts81.txt</c>, and the pictures in <c>Flickr</c>. A picture has any number of the 81 concepts, none included. Where
/// these lists are not there, <c>nus_wid_data.csv</c> is read, the division that goes with ASL (Ridnik et al. 2021).
/// </summary>
public static class NusWideDataset
{
    private const string AslList = "nus_wid_data.csv";
    private const int MostConcepts = 128;      // a picture's concepts are the bits of a UInt128 while the lists are read

    /// <summary>The parts: 161,789 pictures to train and 107,859 to test, or 154,000 and 66,000 in the division of ASL.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["train", "test"];

    /// <summary>Reads the lists. No picture is opened.</summary>
    /// <param name="folder">The folder that the archives are unpacked in.</param>
    /// <param name="part">One of <see cref="Parts"/>.</param>
    /// <exception cref="FileNotFoundException">A list is not there.</exception>
    /// <exception cref="InvalidDataException">A list is damaged, or the lists are of different lengths.</exception>
    public static ImageListDataset Open(string folder, string part)
    {
        string suffix = part == "train" ? "Train" : "Test", listName = $"{suffix}Imagelist.txt";
        string? list = First(File.Exists, Path.Combine(folder, "ImageList", listName), Path.Combine(folder, listName));
        if (list is null && File.Exists(Path.Combine(folder, AslList))) return OpenAsl(folder, part);
        if (list is null) throw new FileNotFoundException(
            $"There is no list '{Path.Combine(folder, "ImageList", listName)}', and no {AslList} either.", listName);
        string labels = First(
            Directory.Exists, Path.Combine(folder, "Groundtruth", "TrainTestLabels"), Path.Combine(folder, "TrainTestLabels"))
            ?? throw new DirectoryNotFoundException(
                $"There is no folder '{Path.Combine(folder, "Groundtruth", "TrainTestLabels")}'; Groundtruth.zip unpacks to it.");

        string[] concepts = Concepts(folder, labels, suffix);
        string root = Pictures(folder);
        (int Line, string Text)[] pictures = [.. ListFile.Lines(list)];
        UInt128[] has = new UInt128[pictures.Length];
        for (int c = 0; c < concepts.Length; c++)
            ReadConcept(Path.Combine(labels, $"Labels_{concepts[c]}_{suffix}.txt"), UInt128.One << c, has, list);

        ListBuilder lines = new(list, root) { MultiLabel = true };
        Dictionary<UInt128, string> labelOf = [];
        for (int i = 0; i < pictures.Length; i++)
        {
            if (!labelOf.TryGetValue(has[i], out string? label))
                labelOf[has[i]] = label = string.Join(ListBuilder.Separator, concepts.Where((_, c) => (has[i] >> c & 1) == 1));
            lines.Add(pictures[i].Line, pictures[i].Text.Replace('\\', '/'), label);
        }

        return Set(list, root, lines.Items(concepts));
    }

    /// <summary>The concepts: those of the published list, or those that have a file of labels.</summary>
    private static string[] Concepts(string folder, string labels, string suffix)
    {
        (string before, string after) = ("Labels_", $"_{suffix}.txt");
        string[] files = [.. Directory.EnumerateFiles(labels, $"{before}*{after}")
            .Select(file => Path.GetFileName(file)![before.Length..^after.Length]).Order(StringComparer.Ordinal)];
        if (files.Length is 0 or > MostConcepts)
            throw new InvalidDataException(
                $"{labels}: it has {files.Length} files {before}CONCEPT{after}; expected 81, at most {MostConcepts}.");
        if (First(File.Exists, Path.Combine(folder, "ConceptsList", "Concepts81.txt"),
            Path.Combine(folder, "Concepts81.txt")) is not { } list) return files;
        string[] names = ListFile.Names(list), missing = [.. names.Except(files)];
        if (missing.Length > 0)
            throw new FileNotFoundException(
                $"{list} names {missing[0]}, and there is no {Path.Combine(labels, before + missing[0] + after)}.", list);
        string[] unknown = [.. files.Except(names)];
        return unknown.Length == 0
            ? names
            : throw new InvalidDataException(
                $"{labels}: {before}{unknown[0]}{after} is for none of the {names.Length} concepts of {list}.");
    }

    private static void ReadConcept(string file, UInt128 bit, UInt128[] has, string list)
    {
        int line = 0, marks = 0;
        foreach (byte letter in RegularFile.ReadAllBytes(file, "labels"))
        {
            switch (letter)
            {
                case (byte)'\n':
                    line++;
                    break;
                case (byte)' ' or (byte)'\t' or (byte)'\r':
                    break;
                case (byte)'0' or (byte)'1' when marks == line:
                    if (marks < has.Length && letter == '1') has[marks] |= bit;
                    marks++;
                    break;
                default:
                    throw new InvalidDataException($"{file}, line {line + 1}: expected one 0 or 1 a line.");
            }
        }

        if (marks != has.Length)
            throw new InvalidDataException($"{file} has {marks} lines, and {list} has {has.Length}; both have one for each picture.");
    }

    /// <summary>A line is a path, the labels as a Python list, and <c>train</c> or <c>val</c>: <c>images/1.jpg,"['clouds',
    /// 'sky']",train</c>.</summary>
    private static ImageListDataset OpenAsl(string folder, string part)
    {
        string csv = Path.Combine(folder, AslList);
        ListBuilder lines = new(csv, folder) { MultiLabel = true };
        SortedSet<string> concepts = new(StringComparer.Ordinal);
        foreach ((int line, string[] fields) in CsvReader.Read(csv))
        {
            if (line == 1) continue;      // the header
            string split = fields[^1].Trim(), labels = fields.Length == 3 ? fields[1].Trim() : "";
            if (fields.Length != 3 || split is not ("train" or "val") || !labels.StartsWith('[') || !labels.EndsWith(']'))
                throw new InvalidDataException(
                    $"{csv}, line {line}: expected a path, labels such as \"['clouds', 'sky']\", and train or val.");
            string[] names = labels[1..^1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < names.Length; i++) names[i] = names[i].Trim('\'', '"');
            concepts.UnionWith(names);
            if (split == "train" == (part == "train")) lines.Add(line, fields[0].Trim(), string.Join(ListBuilder.Separator, names));
        }

        return Set($"{csv} ({part})", folder, lines.Items([.. concepts]));
    }

    private static ImageListDataset Set(string name, string root, ListedItems items) => new(name, root, items);

    private static string Pictures(string folder) =>
        First(Directory.Exists, Path.Combine(folder, "Flickr"), Path.Combine(folder, "images")) ?? folder;

    private static string? First(Func<string, bool> exists, params string[] paths) => Array.Find(paths, path => exists(path));
}
