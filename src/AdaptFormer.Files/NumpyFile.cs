namespace AdaptFormer.Files;

/// <summary>
/// Reads numpy arrays: one (<c>.npy</c>), or several in a zip file (<c>.npz</c>), as the JAX vision transformers are kept. Stored
/// members are used in place; compressed ones are inflated when first read. Pickled objects are refused.
/// </summary>
public static class NumpyFile
{
    /// <summary>What the one tensor of a <c>.npy</c> file, which gives no name, is called.</summary>
    public const string SingleName = "array";

    /// <summary>Opens an <c>.npz</c> or <c>.npy</c> file; the content tells which.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="InvalidDataException">The file holds no numpy arrays, or is damaged or hostile.</exception>
    public static WeightsFile Open(string path)
    {
        MappedFile file = new(path);
        try
        {
            return WeightsFileKinds.IsZip(file) ? OpenZip(file, ZipFile.Read(file)) : OpenSingle(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether all members of a zip file are numpy arrays.</summary>
    internal static bool IsNumpy(ZipFile zip) =>
        zip.Members.Count > 0 && zip.Members.Keys.All(name => name.EndsWith(".npy", StringComparison.Ordinal));

    /// <summary>Opens a zip file of arrays, which then belongs to the result.</summary>
    internal static WeightsFile OpenZip(MappedFile file, ZipFile zip)
    {
        try
        {
            if (!IsNumpy(zip)) throw BadFile.Error(file.Path, "it is a zip file, but not one of numpy arrays: not all members end in .npy");
            OrderedDictionary<string, WeightsEntry> entries = new(zip.Members.Count, StringComparer.Ordinal);
            foreach (ZipMember member in zip.Members.Values)
            {
                string name = member.Name[..^".npy".Length];
                int headerLength = NpyHeader.TotalLength(file.Path, name, member.ReadPrefix(NpyHeader.PreambleBytes));
                entries.Add(name, Entry(file.Path, name, member.ReadPrefix(headerLength), member));
            }

            return new WeightsFile(file.Path, "numpy zip", [], entries, zip);
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    /// <summary>Opens a single array; the map then belongs to the result.</summary>
    internal static WeightsFile OpenSingle(MappedFile file)
    {
        int headerLength = NpyHeader.TotalLength(file.Path, SingleName, file.Slice(0, (int)Math.Min(file.Length, NpyHeader.PreambleBytes)));
        OrderedDictionary<string, WeightsEntry> entries = new(StringComparer.Ordinal)
        {
            { SingleName, Entry(file.Path, SingleName, file.Slice(0, headerLength), new MappedBlock(file, 0, file.Length)) },
        };
        return new WeightsFile(file.Path, "numpy", [], entries, file);
    }

    private static WeightsEntry Entry(string path, string name, ReadOnlySpan<byte> headerBytes, StoredBlock block)
    {
        NpyHeader header = NpyHeader.Parse(path, name, headerBytes);
        WeightsEntry entry = new(name, header.Type, header.Shape, block, header.Length, header.Strides());
        if (entry.ByteLength != block.Length - header.Length)
            throw BadFile.Error(path, name, $"{header.Type} {header.Shape} needs {entry.ByteLength} bytes after the header, but "
                + $"{block.Length - header.Length} are there");
        return entry;
    }
}
