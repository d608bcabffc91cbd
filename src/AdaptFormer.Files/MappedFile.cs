using System.IO.MemoryMappedFiles;

namespace AdaptFormer.Files;

/// <summary>
/// A whole file mapped read-only. The file must not be shortened by another program while it is mapped; replacing it
/// (as <see cref="AtomicFile"/> does) is safe.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;
    private volatile bool _disposed;

    /// <summary>Maps the file.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public MappedFile(string path)
    {
        Path = path;
        RegularFile.Require(path);
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            Length = stream.Length;
            if (Length == 0)       // an empty file cannot be mapped
            {
                stream.Dispose();
                return;
            }

            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                leaveOpen: false);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _start = (byte*)_view.SafeMemoryMappedViewHandle.DangerousGetHandle() + _view.PointerOffset;
        }
        catch
        {
            _view?.Dispose();
            _file?.Dispose();
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>The first byte. Valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public byte* Start
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _start;
        }
    }

    /// <summary>A part of the file, which the caller has checked to lie inside it.</summary>
    /// <exception cref="InvalidDataException">The part reaches beyond the end of the file.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int count)
    {
        if (offset < 0 || count < 0 || offset > Length - count)
            throw BadFile.Error(Path, $"it is cut short: {count} bytes at offset {offset} are needed, the file has {Length}");
        return new ReadOnlySpan<byte>(Start + offset, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _view?.Dispose();
        _file?.Dispose();
    }
}
