using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Data.Checking;

/// <summary>What <see cref="DatasetCheck"/> found.</summary>
/// <param name="Kind">What the items are: <c>pictures</c> or <c>clips</c>.</param>
/// <param name="Splits">The parts, in the order given: training first.</param>
/// <param name="ClassNames">Every class of any part, in the order of the first part that has it.</param>
/// <param name="Unreadable">Items that are missing or cannot be read.</param>
/// <param name="Duplicates">Groups of pictures with the same pixels, or of clips with the same files.</param>
/// <param name="OnlyEvaluated">Classes that a later part has items of and the first has none of.</param>
/// <param name="WithoutItems">Classes of the first part that it has no items of.</param>
public sealed record DatasetReport(
    string Kind,
    IReadOnlyList<SplitReport> Splits,
    IReadOnlyList<string> ClassNames,
    IReadOnlyList<UnreadableEntry> Unreadable,
    IReadOnlyList<DuplicateGroup> Duplicates,
    IReadOnlyList<string> OnlyEvaluated,
    IReadOnlyList<string> WithoutItems)
{
    /// <summary>Whether the first part has one class alone (and items may not have several or none): whatever a model answers is right, and
    /// it learns nothing.</summary>
    public bool OneClass => Splits is [{ MultiLabel: false } first, ..] && first.PerClass.Count(n => n > 0) == 1;

    /// <summary>
    /// Whether training or its score would suffer: something is missing or unreadable, the evaluation has a class that training lacks, an
    /// item lies in two parts, the same one has two labels, or there is one class alone. Duplicates within a part and of one label do not
    /// count: many published sets have some.
    /// </summary>
    public bool Wrong => OneClass || Unreadable.Count > 0 || OnlyEvaluated.Count > 0
        || Duplicates.Any(group => group.AcrossSplits || group.LabelsDiffer);
}

/// <summary>One part of a data set.</summary>
/// <param name="Name">What it is used for, for example <c>train</c>.</param>
/// <param name="Source">Where it comes from.</param>
/// <param name="Items">Number of entries, unreadable ones included.</param>
/// <param name="Missing">Files that are not there.</param>
/// <param name="Damaged">Files that cannot be read.</param>
/// <param name="PerClass">Number of entries of each of the report's classes.</param>
/// <param name="Width">Widths of the readable items; null if there are none.</param>
/// <param name="Height">Heights likewise.</param>
/// <param name="Frames">Frames of the readable clips; null of pictures.</param>
/// <param name="Seconds">Durations of the readable videos; null where there are none.</param>
public sealed record SplitReport(
    string Name, string Source, int Items, int Missing, int Damaged, IReadOnlyList<int> PerClass, SizeStatistics? Width,
        SizeStatistics? Height, SizeStatistics? Frames, DurationStatistics? Seconds)
{
    /// <summary>Whether an item may have several classes, or none.</summary>
    public bool MultiLabel { get; init; }

    /// <summary>What was guessed when the part was opened.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Number of items that are to be shown otherwise than they are stored: by EXIF, or by the matrix of a video.</summary>
    public int Oriented { get; init; }

    /// <summary>Number of files in its folders that are not read, by their endings.</summary>
    public IReadOnlyDictionary<string, int> LeftOut { get; init; } = new Dictionary<string, int>();

    /// <summary>The files that are not read in words, for example <c>3 files are left out: 2 .heic, 1 .tif</c>; null if there are
    /// none.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string? LeftOutText => LeftOutFiles.Text(LeftOut);
}

/// <summary>The spread of a size.</summary>
/// <param name="Smallest">The smallest.</param>
/// <param name="Median">Half are at most as large.</param>
/// <param name="Largest">The largest.</param>
public readonly record struct SizeStatistics(int Smallest, int Median, int Largest);

/// <summary>The spread of durations.</summary>
/// <param name="Shortest">The shortest, in seconds.</param>
/// <param name="Median">Half are at most as long.</param>
/// <param name="Longest">The longest.</param>
/// <param name="Total">All together.</param>
public readonly record struct DurationStatistics(double Shortest, double Median, double Longest, double Total);

/// <summary>An item that is missing or cannot be read.</summary>
/// <param name="Split">Its part.</param>
/// <param name="Source">Its file, or file and record.</param>
/// <param name="Missing">Whether there is no such file.</param>
/// <param name="Reason">What is wrong.</param>
public sealed record UnreadableEntry(string Split, string Source, bool Missing, string Reason);

/// <summary>Pictures of the same size and pixels, or clips of the same files.</summary>
/// <param name="AcrossSplits">Whether they lie in more than one part.</param>
/// <param name="LabelsDiffer">Whether they have more than one label.</param>
/// <param name="Members">The items.</param>
public sealed record DuplicateGroup(bool AcrossSplits, bool LabelsDiffer, IReadOnlyList<DuplicateMember> Members);

/// <summary>One of several equal items.</summary>
/// <param name="Split">Its part.</param>
/// <param name="Source">Its file, or file and record.</param>
/// <param name="Label">Its class.</param>
public sealed record DuplicateMember(string Split, string Source, string Label);
