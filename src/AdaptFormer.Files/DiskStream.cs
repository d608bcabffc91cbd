using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Files;

/// <summary>
/// A file that is written so that it lasts; see <see cref="Disk"/>. What is written is gathered until <see cref="Flush"/>, a seek, or until
/// there is much of it. Closing does not flush: what was not flushed by then was given up. Not safe for several threads at once.
/// </summary>
public sealed class DiskStream : Stream
{
    private const int BufferBytes = 1 << 16;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly SafeFileHandle _handle;
    private long _position;     // of the buffer's first byte
    private int _gathered;

    /// <summary>Opens or makes a file, for reading and writing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">Whether it is there or is made.</param>
    /// <param name="share">What others may do with it meanwhile.</param>
    /// <exception cref="IOException">It cannot be opened or made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    public DiskStream(string path, FileMode mode, FileShare share = FileShare.None)
    {
        Path = System.IO.Path.GetFullPath(path);
        DiskFault.Reach(Path);
        _handle = File.OpenHandle(Path, mode, FileAccess.ReadWrite, share);
    }

    /// <summary>The file's full path.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override long Length => _gathered > 0 ? Math.Max(RandomAccess.GetLength(_handle), Position) : RandomAccess.GetLength(_handle);

    /// <inheritdoc/>
    public override long Position
    {
        get => _position + _gathered;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            Flush();
            _position = value;
        }
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > BufferBytes - _gathered) Flush();
        if (buffer.Length >= BufferBytes)
        {
            Put(buffer);
            return;
        }

        buffer.CopyTo(_buffer.AsSpan(_gathered));
        _gathered += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void WriteByte(byte value) => Write([value]);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        Flush();
        int read = RandomAccess.Read(_handle, buffer, _position);
        _position += read;
        return read;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    /// <inheritdoc/>
    public override void SetLength(long value)
    {
        Flush();
        DiskFault.Reach(Path);
        RandomAccess.SetLength(_handle, value);
        _position = Math.Min(_position, value);
    }

    /// <summary>Hands what was gathered to the system; a crash of the program no longer loses it, a power cut may.</summary>
    public override void Flush()
    {
        if (_gathered == 0) return;
        int bytes = _gathered;
        _gathered = 0;
        Put(_buffer.AsSpan(0, bytes));
    }

    /// <summary>Brings everything to the disk.</summary>
    /// <exception cref="IOException">The disk reports that it could not store it. What is in the file is then unknown.</exception>
    public void FlushToDisk()
    {
        Flush();
        DiskFault.Reach(Path);
        NativeFile.Flush(_handle, Path);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _handle.Dispose();
        base.Dispose(disposing);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        DiskFault.Reach(Path);
        RandomAccess.Write(_handle, bytes, _position);
        _position += bytes.Length;
    }
}
