namespace AdaptFormer.Files;

/// <summary>
/// An open weights file of any kind: named tensors whose elements are read on demand. Reading is safe from several threads at
/// once; nothing may be read after <see cref="Dispose"/>.
/// </summary>
public sealed unsafe class WeightsFile : IDisposable
{
    private readonly IDisposable _owned;
    private readonly OrderedDictionary<string, WeightsEntry> _entries;
    private readonly OrderedDictionary<string, string> _metadata;
    private volatile bool _disposed;

    /// <summary>A file whose directory has been read and checked.</summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="kind">What the content is, for messages.</param>
    /// <param name="metadata">Texts beside the tensors.</param>
    /// <param name="entries">The tensors, in file order, ordinal names.</param>
    /// <param name="owned">What keeps the blocks of the entries in memory; disposed with this object.</param>
    internal WeightsFile(
        string path,
        string kind,
        OrderedDictionary<string, string> metadata,
        OrderedDictionary<string, WeightsEntry> entries,
        IDisposable owned)
    {
        (Path, Kind) = (path, kind);
        (_metadata, _entries, _owned) = (metadata, entries, owned);
    }

    /// <summary>Where the file is, as it was given.</summary>
    public string Path { get; }

    /// <summary>What the content is, for example <c>safetensors</c>.</summary>
    public string Kind { get; }

    /// <summary>
    /// The keys, joined by dots, of the dictionaries that were unwrapped around the tensors of a PyTorch checkpoint, for example
    /// <c>model</c>; empty when the names are the file's own.
    /// </summary>
    public string Container { get; init; } = "";

    /// <summary>
    /// What lies beside that dictionary: others with tensors in them, such as a moving average of the weights, by the keys (joined by dots)
    /// that lead to them, with the names of their tensors. <see cref="PyTorchFile.Open"/> takes such a key.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Beside { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Texts that the file holds beside its tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The tensors by name (compared ordinally), enumerated in the order of the file.</summary>
    public IReadOnlyDictionary<string, WeightsEntry> Entries => _entries;

    /// <summary>Opens a weights file; its kind follows from its content, never from its name.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="InvalidDataException">The content is of no known kind, or is damaged or hostile.</exception>
    public static WeightsFile Open(string path) => WeightsFileKinds.Open(path, allowIndex: true);

    /// <summary>The tensor with this name.</summary>
    /// <exception cref="InvalidDataException">The file has no such tensor.</exception>
    public WeightsEntry Get(string name) =>
        _entries.TryGetValue(name, out WeightsEntry? entry)
            ? entry : throw BadFile.Error(Path, name, "the file holds no tensor of this name");

    /// <summary>Reads all elements as 32-bit floats, in row-major order.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">As long as <see cref="WeightsEntry.ElementCount"/>.</param>
    /// <remarks>
    /// Every type is converted: doubles and integers are rounded to the nearest float, booleans become 0 and 1, and NaN and
    /// infinities stay what they are.
    /// </remarks>
    /// <exception cref="ArgumentException">The destination has another length than the tensor.</exception>
    /// <exception cref="InvalidDataException">The elements are damaged.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void ReadFloat32(WeightsEntry entry, Span<float> destination)
    {
        CheckLength(entry, destination.Length, entry.ElementCount, "elements");
        if (destination.IsEmpty) return;
        ElementReader.ReadFloat32(entry, entry.Block.Address() + entry.Offset, destination);
        GC.KeepAlive(this);
    }

    /// <summary>Reads all elements as the file stores them, in row-major order.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">As long as <see cref="WeightsEntry.ByteLength"/>.</param>
    /// <exception cref="ArgumentException">The destination has another length than the tensor.</exception>
    /// <exception cref="InvalidDataException">The elements are damaged.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void ReadBytes(WeightsEntry entry, Span<byte> destination)
    {
        CheckLength(entry, destination.Length, entry.ByteLength, "bytes");
        if (destination.IsEmpty) return;
        ElementReader.ReadBytes(entry, entry.Block.Address() + entry.Offset, destination);
        GC.KeepAlive(this);
    }

    /// <summary>
    /// The address of the elements in the mapped file, if they lie there in row-major order and aligned to their size. It stays
    /// valid until <see cref="Dispose"/>; the memory may only be read.
    /// </summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="pointer">The first element, or 0.</param>
    /// <returns>Whether there is such an address; if not, copy with <see cref="ReadBytes"/> or <see cref="ReadFloat32"/>.</returns>
    /// <exception cref="InvalidDataException">The elements are damaged.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public bool TryGetPointer(WeightsEntry entry, out nint pointer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        pointer = 0;
        if (!entry.IsContiguous || !entry.Block.IsMapped) return false;
        nint address = (nint)(entry.Block.Address() + entry.Offset);
        if (address % entry.Type.Size() != 0) return false;
        pointer = address;
        return true;
    }

    /// <summary>
    /// Gives the resident memory of a mapped tensor back to the system; reading it again costs a read of the file. Meant for
    /// weights that were packed into another layout. Does nothing where the system has no such call or the tensor is not mapped.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void ReleasePages(WeightsEntry entry)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (entry.Block.IsMapped && entry.IsContiguous)
            NativeFile.ReleasePages((nint)(entry.Block.Address() + entry.Offset), entry.ByteLength);
    }

    /// <summary>Closes the file; pointers into it become invalid.</summary>
    public void Dispose()
    {
        _disposed = true;
        _owned.Dispose();
    }

    private void CheckLength(WeightsEntry entry, int got, long expected, string unit)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (got != expected)
            throw new ArgumentException($"{Path}: '{entry.Name}' {entry.Shape} has {expected} {unit}, but the destination has {got}.");
    }
}
