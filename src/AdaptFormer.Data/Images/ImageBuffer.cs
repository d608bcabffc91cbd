using AdaptFormer.Data.Transforms;

namespace AdaptFormer.Data.Images;

/// <summary>
/// An RGB picture, 8 bits a channel, rows top to bottom, pixels R G B without padding between rows. The memory is pooled and
/// kept, so one buffer serves any number of pictures, but for that of giants, which goes when a small picture comes; not safe for
/// use by two threads at once.
/// </summary>
public sealed class ImageBuffer : IDisposable
{
    /// <summary>Largest picture accepted, in pixels: where Pillow, too, suspects a decompression bomb.</summary>
    public const int MaxPixels = 178_956_970;

    /// <summary>Longest side accepted, in pixels: that of JPEG and GIF. It bounds rows, and the tables of a resize.</summary>
    public const int MaxSide = 65_535;

    /// <summary>Bytes after the last pixel that kernels may read (never use) so that a vector load needs no tail case.</summary>
    internal const int Slack = 64;

    private byte[] _bytes = [];

    /// <summary>An empty buffer; <see cref="Reset"/> gives it a size.</summary>
    public ImageBuffer()
    {
    }

    /// <summary>A buffer of the given size, contents undefined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive, or the area exceeds <see cref="MaxPixels"/>.</exception>
    public ImageBuffer(int width, int height) => Reset(width, height);

    /// <summary>Pixels per row; 0 before the first <see cref="Reset"/>.</summary>
    public int Width { get; private set; }

    /// <summary>Number of rows; 0 before the first <see cref="Reset"/>.</summary>
    public int Height { get; private set; }

    /// <summary>
    /// How the pixels lie when the picture is shown. They are never turned by decoders: <see cref="ImageTransform"/> does so by
    /// its rule, others by <see cref="Uprighting"/>.
    /// </summary>
    public Orientation Orientation { get; set; } = Orientation.Normal;

    /// <summary>Bytes per row, 3 · <see cref="Width"/>.</summary>
    public int Stride => Width * 3;

    /// <summary>All pixels, [Height, Width, 3].</summary>
    public Span<byte> Pixels => _bytes.AsSpan(0, Stride * Height);

    /// <summary>The pixels and the readable bytes after them.</summary>
    internal Span<byte> PixelsWithSlack => _bytes.AsSpan(0, (Stride * Height) + Slack);

    /// <summary>One row, [Width, 3].</summary>
    /// <param name="y">Row, counted from the top.</param>
    public Span<byte> Row(int y) => Pixels.Slice(y * Stride, Stride);

    /// <summary>Sets the size; contents are undefined afterwards, and the orientation is the normal one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive, or the area exceeds <see cref="MaxPixels"/>.</exception>
    public void Reset(int width, int height) => Reserve(width, height, 3);

    /// <summary>
    /// Sets the size, with room for pixels of <paramref name="bytesPerPixel"/> bytes: a decoder that knows no RGB writes its own
    /// kind into <see cref="Room"/> and then packs it, in place.
    /// </summary>
    internal void Reserve(int width, int height, int bytesPerPixel)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, MaxPixels, nameof(width));
        int needed = (width * height * bytesPerPixel) + Slack;
        if (_bytes.Length < needed || (_bytes.Length >= PixelMemory.Giant && needed < PixelMemory.Giant / 2))
        {
            Release();
            _bytes = PixelMemory.Rent(needed);
        }

        (Width, Height, Orientation) = (width, height, Orientation.Normal);
    }

    /// <summary>All of the memory, longer than the pixels.</summary>
    internal Span<byte> Room => _bytes;

    /// <summary>Makes this buffer a copy of <paramref name="other"/>.</summary>
    public void CopyFrom(ImageBuffer other)
    {
        Reset(other.Width, other.Height);
        other.Pixels.CopyTo(Pixels);
        Orientation = other.Orientation;
    }

    /// <summary>Returns the memory to the pool; the buffer is empty afterwards and may be used again.</summary>
    public void Dispose()
    {
        Release();
        (Width, Height) = (0, 0);
    }

    private void Release()
    {
        PixelMemory.Return(_bytes);
        _bytes = [];
    }
}
