using System.IO.Compression;
using System.Runtime.InteropServices;

namespace AdaptFormer.Files;

/// <summary>
/// One member of a zip file. A stored member is used where it lies in the map; a compressed one is inflated into memory when it
/// is first needed and stays there until the file is closed. Either way its checksum is compared once.
/// </summary>
internal sealed unsafe class ZipMember : StoredBlock, IDisposable
{
    // Deflate cannot do better than 1032 : 1, so a larger claim is a lie.
    private const long MaxDeflateRatio = 1032;

    private readonly MappedFile _file;
    private readonly long _offset, _compressedLength;
    private readonly uint _crc;
    private readonly Lock _lock = new();
    private byte* _inflated;
    private volatile bool _checked, _disposed;

    public ZipMember(MappedFile file, string name, bool isCompressed, long offset, long compressedLength, long length, uint crc)
    {
        (_file, Name, IsCompressed) = (file, name, isCompressed);
        (_offset, _compressedLength, Length, _crc) = (offset, compressedLength, length, crc);
        if (isCompressed ? length / MaxDeflateRatio > compressedLength : length != compressedLength)
            throw BadFile.Error(file.Path, name, $"it claims to hold {length} bytes in {compressedLength}");
    }

    /// <summary>Frees inflated content when nobody disposed of the file.</summary>
    ~ZipMember() => NativeMemory.Free(_inflated);

    /// <summary>The name in the directory.</summary>
    public string Name { get; }

    /// <summary>Whether the content is deflated.</summary>
    public bool IsCompressed { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override bool IsMapped => !IsCompressed;

    /// <inheritdoc/>
    public override byte* Address()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_checked)
        {
            lock (_lock)
            {
                if (!_checked) Prepare();
                _checked = true;
            }
        }

        return IsCompressed ? _inflated : _file.Start + _offset;
    }

    /// <summary>The first bytes of the content, without preparing the rest; fewer if the member is shorter.</summary>
    public byte[] ReadPrefix(int count)
    {
        count = (int)Math.Min(count, Length);
        if (!IsCompressed) return new ReadOnlySpan<byte>(_file.Start + _offset, count).ToArray();
        byte[] prefix = new byte[count];
        using DeflateStream stream = OpenInflater();
        Fill(stream, prefix);
        return prefix;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            NativeMemory.Free(_inflated);
            _inflated = null;
        }

        GC.SuppressFinalize(this);
    }

    private void Prepare()
    {
        if (IsCompressed) Inflate();
        // PyTorch can be told not to compute checksums, and then records none.
        if (_crc == 0) return;
        uint crc = 0;
        byte* start = IsCompressed ? _inflated : _file.Start + _offset;
        for (long at = 0; at < Length; at += 1 << 20)
            crc = Crc32.Compute(new ReadOnlySpan<byte>(start + at, (int)Math.Min(1 << 20, Length - at)), crc);
        if (crc != _crc) throw BadFile.Error(_file.Path, Name, $"its content is damaged: the checksum is {crc:x8}, recorded is {_crc:x8}");
    }

    private void Inflate()
    {
        if (_inflated == null) _inflated = (byte*)NativeMemory.Alloc((nuint)Length);
        using DeflateStream stream = OpenInflater();
        for (long at = 0; at < Length; at += 1 << 20)
            Fill(stream, new Span<byte>(_inflated + at, (int)Math.Min(1 << 20, Length - at)));
        if (Guarded(stream, new byte[1]) != 0)
            throw BadFile.Error(_file.Path, Name, $"it inflates to more than the {Length} bytes that it claims to hold");
    }

    private DeflateStream OpenInflater() =>
        new(new UnmanagedMemoryStream(_file.Start + _offset, _compressedLength), CompressionMode.Decompress);

    private void Fill(DeflateStream stream, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count = Guarded(stream, destination);
            if (count == 0) throw BadFile.Error(_file.Path, Name, $"it inflates to less than the {Length} bytes that it claims to hold");
            destination = destination[count..];
        }
    }

    private int Guarded(DeflateStream stream, Span<byte> destination)
    {
        try
        {
            return stream.Read(destination);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{_file.Path}: '{BadFile.Shorten(Name)}': its compressed content is damaged. {e.Message}", e);
        }
    }
}
