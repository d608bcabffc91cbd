using System.Buffers.Binary;

namespace AdaptFormer.Files;

/// <summary>
/// Reads safetensors: 8 bytes with the length of a JSON header, the header, then the elements of all tensors. The file is mapped,
/// not copied, and is refused unless header and content fit each other exactly.
/// </summary>
public static class SafetensorsFile
{
    /// <summary>The longest header that is read, in bytes.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    /// <summary>Bytes before the header: its length, little-endian.</summary>
    internal const int LengthBytes = 8;

    /// <summary>Opens a safetensors file.</summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="maxHeaderBytes">A lower limit for the header, where only small files are expected.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="InvalidDataException">The file is not well-formed safetensors.</exception>
    public static WeightsFile Open(string path, int maxHeaderBytes = MaxHeaderBytes)
    {
        MappedFile file = new(path);
        try
        {
            return Open(file, maxHeaderBytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a mapped safetensors file, which then belongs to the result.</summary>
    internal static WeightsFile Open(MappedFile file, int maxHeaderBytes = MaxHeaderBytes)
    {
        int headerBytes = HeaderLength(file, maxHeaderBytes);
        SafetensorsHeader header = SafetensorsHeader.Parse(file.Path, file.Slice(LengthBytes, headerBytes));

        long dataStart = LengthBytes + headerBytes;
        CheckLayout(file.Path, header.Tensors, file.Length - dataStart);

        OrderedDictionary<string, WeightsEntry> entries = new(header.Tensors.Count, StringComparer.Ordinal);
        MappedBlock data = new(file, dataStart, file.Length - dataStart);
        foreach (SafetensorsHeader.Tensor t in header.Tensors)
            entries.Add(t.Name, new WeightsEntry(t.Name, t.Type, t.Shape, data, t.Begin));
        return new WeightsFile(file.Path, "safetensors", header.Metadata, entries, file);
    }

    private static int HeaderLength(MappedFile file, int maxHeaderBytes)
    {
        if (file.Length < LengthBytes)
            throw BadFile.Error(file.Path, $"not safetensors: a file of {file.Length} bytes has no room for a header");

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, LengthBytes));
        if (length > (ulong)maxHeaderBytes)
            throw BadFile.Error(file.Path, $"not safetensors: it states a header of {length} bytes, at most {maxHeaderBytes} are read");
        if ((long)length > file.Length - LengthBytes)
            throw BadFile.Error(file.Path, $"it states a header of {length} bytes, but only {file.Length - LengthBytes} follow; the "
                + "file is cut short or not safetensors");
        return (int)length;
    }

    /// <summary>Every byte of the content belongs to exactly one tensor.</summary>
    private static void CheckLayout(string path, IReadOnlyList<SafetensorsHeader.Tensor> tensors, long dataBytes)
    {
        long end = 0;
        foreach (SafetensorsHeader.Tensor t in tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            if (t.Begin < end)
                throw BadFile.Error(path, t.Name, $"its bytes {t.Begin}..{t.End} overlap those of another tensor, which end at {end}");
            if (t.Begin > end)
                throw BadFile.Error(path, t.Name, $"its bytes start at {t.Begin} and leave a hole after {end}");
            if (t.End > dataBytes)
                throw BadFile.Error(path, t.Name,
                    $"its bytes end at {t.End}, but the file holds only {dataBytes} after the header; the file is cut short");
            end = t.End;
        }

        if (end != dataBytes)
            throw BadFile.Error(path, $"the tensors end at byte {end} after the header, but the file goes on to {dataBytes}");
    }
}
