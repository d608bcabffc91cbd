using AdaptFormer.Files;
using Microsoft.Win32.SafeHandles;

namespace AdaptFormer.Data.Images;

/// <summary>A whole file in pooled memory: reading file after file, on threads that come and go, takes no new memory.</summary>
internal readonly ref struct FileBytes
{
    private readonly byte[] _buffer;
    private readonly int _length;

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It cannot be read, or is a pipe.</exception>
    /// <exception cref="InvalidDataException">It is larger than an array can be.</exception>
    public FileBytes(string path)
    {
        RegularFile.Require(path);
        using SafeFileHandle file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        long length = RandomAccess.GetLength(file);
        if (length > Array.MaxLength) throw ImageErrors.Bad(path, $"{length} bytes are too many for an image file.");
        byte[] buffer = PixelMemory.Rent((int)length);
        try
        {
            while (_length < length && RandomAccess.Read(file, buffer.AsSpan(_length, (int)length - _length), _length) is var read and > 0)
                _length += read;
        }
        catch
        {
            PixelMemory.Return(buffer);
            throw;
        }

        _buffer = buffer;
    }

    /// <summary>The content; valid until <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    public void Dispose() => PixelMemory.Return(_buffer);
}
