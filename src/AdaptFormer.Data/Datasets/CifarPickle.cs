using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>The Python version of CIFAR: pickled dictionaries of labels and a byte array, one picture a row.</summary>
internal static class CifarPickle
{
    private const byte Protocol = 0x80;      // opens every pickle since protocol 2; no binary record begins so

    public static bool IsPickle(string path)
    {
        using FileStream file = RegularFile.Open(path);
        return file.ReadByte() == Protocol;
    }

    /// <summary>Reads a file into the records of the binary version.</summary>
    /// <exception cref="InvalidDataException">A key is missing, or numbers of labels and pictures differ.</exception>
    public static byte[] ReadRecords(string path, CifarLabels kind)
    {
        PickledData data = PickledData.Read(path);
        (int count, int columns, ReadOnlyMemory<byte> pixels) = data.ByteMatrix("data");
        if (columns != 3 * CifarDataset.Plane)
            throw new InvalidDataException(
                $"{path}: a picture has {columns} bytes; expected {3 * CifarDataset.Plane} (32 x 32, three channels).");
        string[] keys = kind == CifarLabels.Cifar10 ? ["labels"] : ["coarse_labels", "fine_labels"];
        int recordBytes = keys.Length + columns;
        byte[] records = new byte[(long)count * recordBytes];
        for (int k = 0; k < keys.Length; k++)
        {
            IReadOnlyList<long> labels = data.Integers(keys[k]);
            if (labels.Count != count) throw new InvalidDataException($"{path}: {count} pictures but {labels.Count} {keys[k]}.");
            for (int i = 0; i < count; i++)
                records[((long)i * recordBytes) + k] = labels[i] is >= 0 and <= byte.MaxValue
                    ? (byte)labels[i] : throw new InvalidDataException($"{path} picture {i}: label {labels[i]} is out of range.");
        }

        for (int i = 0; i < count; i++) pixels.Span.Slice(i * columns, columns).CopyTo(records.AsSpan((i * recordBytes) + keys.Length));
        return records;
    }
}
