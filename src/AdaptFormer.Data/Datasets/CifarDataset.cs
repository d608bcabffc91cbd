using AdaptFormer.Data.Images;
using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>Which labels of CIFAR to use.</summary>
public enum CifarLabels
{
    /// <summary>CIFAR-10: 10 classes; records of 3,073 bytes.</summary>
    Cifar10,

    /// <summary>CIFAR-100: 100 fine classes; records of 3,074 bytes.</summary>
    Cifar100Fine,

    /// <summary>CIFAR-100: its 20 superclasses.</summary>
    Cifar100Coarse,
}

/// <summary>
/// CIFAR-10 and CIFAR-100 in their owners' binary and Python versions: records of one or two label bytes and 32 x 32 pixels as
/// three planes. Files are read whole (150 MB for the full training set). Class names come from the files beside them if there are any.
/// </summary>
public sealed class CifarDataset : ImageDataset
{
    internal const int Side = 32, Plane = Side * Side;

    private readonly string _name;
    private readonly (string Path, byte[] Records)[] _files;
    private readonly int[] _firstOfFile;
    private readonly CifarLabels _labels;
    private readonly string[] _classNames;

    private CifarDataset(string name, (string Path, byte[] Records)[] files, CifarLabels labels, string[] classNames)
    {
        (_name, _files, _labels, _classNames) = (name, files, labels, classNames);
        _firstOfFile = new int[files.Length + 1];
        for (int i = 0; i < files.Length; i++) _firstOfFile[i + 1] = _firstOfFile[i] + (files[i].Records.Length / RecordBytes);
    }

    /// <inheritdoc/>
    public override string Name => _name;

    /// <inheritdoc/>
    public override int Count => _firstOfFile[^1];

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classNames;

    private int LabelBytes => _labels == CifarLabels.Cifar10 ? 1 : 2;

    private int RecordBytes => LabelBytes + (3 * Plane);

    private int LabelOffset => _labels == CifarLabels.Cifar100Fine ? 1 : 0;

    /// <summary>Opens one file, or the training or test files of a folder.</summary>
    /// <param name="path">A <c>.bin</c> file or a pickle, or the unpacked folder of either version.</param>
    /// <param name="train">In a folder: the training files rather than the test file.</param>
    /// <param name="labels">Which labels to use; null: told from the names of the files, and from their sizes.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or the folder holds none.</exception>
    /// <exception cref="InvalidDataException">A file is not a whole number of records, or a label is out of range; the message gives the
    /// record.</exception>
    public static CifarDataset Open(string path, bool train = true, CifarLabels? labels = null)
    {
        string[] paths = Directory.Exists(path) ? FilesOf(path, train, labels) : [path];
        CifarLabels kind = labels ?? KindOf(paths[0]);
        (string Path, byte[] Records)[] files = [
            .. paths.Select(p => (p, CifarPickle.IsPickle(p) ? CifarPickle.ReadRecords(p, kind) : RegularFile.ReadAllBytes(p, "records")))];
        CifarDataset dataset = new(path, files, kind, CifarNames.Read(Path.GetDirectoryName(Path.GetFullPath(paths[0]))!, kind));
        dataset.Check();
        return dataset;
    }

    /// <summary>Whether a folder holds files named as CIFAR's owners name them.</summary>
    public static bool IsCifarFolder(string folder) =>
        Directory.Exists(folder) && (FilesIn(folder, true, null).Length > 0 || FilesIn(folder, false, null).Length > 0);

    /// <inheritdoc/>
    public override int Label(int index)
    {
        (int file, int record) = Locate(index);
        return _files[file].Records[(record * RecordBytes) + LabelOffset];
    }

    /// <inheritdoc/>
    public override string FileOf(int index) => _files[Locate(index).File].Path;

    /// <inheritdoc/>
    public override string Source(int index)
    {
        (int file, int record) = Locate(index);
        return $"{_files[file].Path} record {record}";
    }

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        (int file, int record) = Locate(index);
        ReadOnlySpan<byte> planes = _files[file].Records.AsSpan((record * RecordBytes) + LabelBytes, 3 * Plane);
        into.Reset(Side, Side);
        Span<byte> rgb = into.Pixels;
        for (int i = 0, o = 0; i < Plane; i++, o += 3)
        {
            rgb[o] = planes[i];
            rgb[o + 1] = planes[i + Plane];
            rgb[o + 2] = planes[i + Plane + Plane];
        }
    }

    private (int File, int Record) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int file = 0;
        while (index >= _firstOfFile[file + 1]) file++;
        return (file, index - _firstOfFile[file]);
    }

    private void Check()
    {
        foreach ((string path, byte[] records) in _files)
        {
            if (records.Length == 0 || records.Length % RecordBytes != 0)
            {
                throw new InvalidDataException(
                    $"{path}: {records.Length} bytes are not a whole number of {_labels} records of {RecordBytes} bytes: "
                    + "the file is truncated, or another kind of file.");
            }

            for (int at = LabelOffset, record = 0; at < records.Length; at += RecordBytes, record++)
            {
                if (records[at] >= _classNames.Length)
                    throw new InvalidDataException(
                        $"{path} record {record}: label {records[at]} is out of range; {_labels} has {_classNames.Length} classes.");
            }
        }
    }

    private static CifarLabels KindOf(string path)
    {
        string name = Path.GetFileName(path);
        if (name is "train.bin" or "test.bin" or "train" or "test") return CifarLabels.Cifar100Fine;
        if (name.Contains("batch", StringComparison.Ordinal)) return CifarLabels.Cifar10;
        long bytes = new FileInfo(path).Length;
        bool ten = bytes % (1 + (3 * Plane)) == 0, hundred = bytes % (2 + (3 * Plane)) == 0;
        if (ten == hundred)
            throw new InvalidDataException($"{path}: whether this is CIFAR-10 or CIFAR-100 cannot be told from its name and its {bytes} "
                + "bytes; name the kind (cifar10:… or cifar100:…).");
        return ten ? CifarLabels.Cifar10 : CifarLabels.Cifar100Fine;
    }

    private static string[] FilesOf(string folder, bool train, CifarLabels? labels)
    {
        string[] files = FilesIn(folder, train, labels);
        if (files.Length == 0)
        {
            throw new FileNotFoundException($"{folder} holds no CIFAR {(train ? "training" : "test")} files; expected "
                + $"{(train ? "data_batch_1.bin … or train.bin" : "test_batch.bin or test.bin")} (the binary version), or the same "
                + "without .bin (the Python version).", folder);
        }

        // Batches are numbered from 1: one that is missing between others was forgotten.
        string extension = Path.GetExtension(files[0]);
        for (int i = 1; train && i < files.Length; i++)
        {
            string expected = Path.Combine(folder, $"data_batch_{i + 1}{extension}");
            if (files[i] != expected)
                throw new FileNotFoundException($"{expected} is missing; {Path.GetFileName(files[i])} is there.", expected);
        }

        return files;
    }

    /// <summary>The files of a part, of the first version that has any: CIFAR-10 ahead of CIFAR-100, binary ahead of Python.</summary>
    private static string[] FilesIn(string folder, bool train, CifarLabels? labels)
    {
        string[] ten = train ? [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}")] : ["test_batch"];
        string[] hundred = [train ? "train" : "test"];
        string[][] candidates = labels switch { null => [ten, hundred], CifarLabels.Cifar10 => [ten], _ => [hundred] };
        return candidates.SelectMany(names => (string[])[".bin", ""],
            (names, extension) => names.Select(name => Path.Combine(folder, name + extension)).Where(File.Exists).ToArray())
            .FirstOrDefault(found => found.Length > 0, []);
    }
}
