using System.Text;

namespace AdaptFormer.Data.Datasets;

/// <summary>
/// Paths in one UTF-8 text with the place where each begins: beside its own letters, a path costs four bytes. A million paths are no
/// million objects for the garbage collector to walk.
/// </summary>
internal sealed class PathList
{
    private byte[] _text = new byte[1024];
    private int[] _starts = new int[64];

    /// <summary>Number of paths.</summary>
    public int Count { get; private set; }

    /// <summary>Memory that the list holds.</summary>
    public long Bytes => _text.Length + ((long)_starts.Length * sizeof(int));

    /// <summary>A path, as a new string.</summary>
    public string this[int index] => Encoding.UTF8.GetString(_text.AsSpan(_starts[index].._starts[index + 1]));

    /// <summary>Appends a path.</summary>
    /// <exception cref="InvalidDataException">All paths together are longer than an array can be.</exception>
    public void Add(ReadOnlySpan<char> path)
    {
        int at = _starts[Count], most = Encoding.UTF8.GetMaxByteCount(path.Length);
        if (at > Array.MaxLength - most)
            throw new InvalidDataException($"The paths of a list are longer than {Array.MaxLength} bytes together.");
        if (_text.Length < at + most) Array.Resize(ref _text, (int)Math.Min(Array.MaxLength, Math.Max(at + (long)most, _text.Length * 2L)));
        if (_starts.Length < Count + 2) Array.Resize(ref _starts, _starts.Length * 2);
        _starts[++Count] = at + Encoding.UTF8.GetBytes(path, _text.AsSpan(at));
    }

    /// <summary>Gives back what was reserved for more.</summary>
    public void Trim()
    {
        Array.Resize(ref _text, _starts[Count]);
        Array.Resize(ref _starts, Count + 1);
    }
}
