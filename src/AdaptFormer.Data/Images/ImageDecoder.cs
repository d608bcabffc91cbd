using System.Diagnostics.CodeAnalysis;

namespace AdaptFormer.Data;

/// <summary>
/// Turns the bytes of an image file into RGB pixels. The format is read from the first bytes, never from the file's name.
/// Transparency is dropped, not blended; EXIF orientation is not applied; 16-bit channels keep their upper 8 bits. Apart from
/// 16-bit gray (which Pillow clips to white) that is what Pillow's <c>convert("RGB")</c> gives. Safe for many threads.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Decodes a file held in memory.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <param name="name">What error messages call the file.</param>
    /// <exception cref="InvalidDataException">Unknown format, a damaged or truncated file, or too many pixels.</exception>
    /// <exception cref="DllNotFoundException">The format needs a native library that is not installed; the message says which.</exception>
    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name = "image")
    {
        switch (FormatOf(data, name))
        {
            case ImageFormat.Jpeg: JpegDecoder.Decode(data, into, name); break;
            case ImageFormat.Png: PngDecoder.Decode(data, into, name); break;
            case ImageFormat.Bmp: BmpDecoder.Decode(data, into, name); break;
            case ImageFormat.Pnm: PnmDecoder.Decode(data, into, name); break;
            default: WebPDecoder.Decode(data, into, name); break;
        }
    }

    /// <summary>Decodes a file held in memory into a new buffer, which the caller disposes.</summary>
    /// <inheritdoc cref="Decode(ReadOnlySpan{byte}, ImageBuffer, string)"/>
    public static ImageBuffer Decode(ReadOnlySpan<byte> data, string name = "image")
    {
        ImageBuffer image = new();
        Decode(data, image, name);
        return image;
    }

    /// <summary>Decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="into">Receives size and pixels.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <inheritdoc cref="Decode(ReadOnlySpan{byte}, ImageBuffer, string)"/>
    public static void Decode(string path, ImageBuffer into)
    {
        using FileBytes file = new(path);
        Decode(file.Span, into, path);
    }

    /// <summary>Decodes a file into a new buffer, which the caller disposes.</summary>
    /// <inheritdoc cref="Decode(string, ImageBuffer)"/>
    public static ImageBuffer Decode(string path)
    {
        ImageBuffer image = new();
        Decode(path, image);
        return image;
    }

    /// <summary>Reads format and size from the header; decodes no pixels.</summary>
    /// <inheritdoc cref="Decode(ReadOnlySpan{byte}, ImageBuffer, string)"/>
    public static ImageInfo Identify(ReadOnlySpan<byte> data, string name = "image") => FormatOf(data, name) switch
    {
        ImageFormat.Jpeg => JpegDecoder.Identify(data, name),
        ImageFormat.Png => PngDecoder.Identify(data, name),
        ImageFormat.Bmp => BmpDecoder.Identify(data, name),
        ImageFormat.Pnm => PnmDecoder.Identify(data, name),
        _ => WebPDecoder.Identify(data, name),
    };

    /// <inheritdoc cref="Identify(ReadOnlySpan{byte}, string)"/>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ImageInfo Identify(string path)
    {
        using FileBytes file = new(path);
        return Identify(file.Span, path);
    }

    private static ImageFormat FormatOf(ReadOnlySpan<byte> data, string name)
    {
        if (data.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return ImageFormat.Jpeg;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])) return ImageFormat.Png;
        if (data.StartsWith("BM"u8)) return ImageFormat.Bmp;
        if (data.Length > 2 && data[0] == 'P' && data[1] is (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6') return ImageFormat.Pnm;
        if (data.StartsWith("RIFF"u8) && data.Length >= 12 && data.Slice(8, 4).SequenceEqual("WEBP"u8)) return ImageFormat.WebP;
        ThrowUnknown(data, name);
        return default;
    }

    [DoesNotReturn]
    private static void ThrowUnknown(ReadOnlySpan<byte> data, string name) => throw ImageErrors.Bad(name, data.IsEmpty
        ? "the file is empty."
        : $"not an image in a known format (JPEG, PNG, BMP, PGM/PPM, WebP); the file starts with {Convert.ToHexString(data[..Math.Min(8, data.Length)])}.");
}
