namespace AdaptFormer.Data.Images;

/// <summary>
/// Turns the bytes of an image file into RGB pixels. The format is read from the first bytes, never from the file's name
/// (<see cref="ImageFormats"/>), and a damaged or truncated file is refused, never shown in part.
/// Transparency is dropped, not blended; colour profiles are not applied; 16-bit channels keep their upper 8 bits. Apart from
/// 16-bit gray (which Pillow clips to white) that is what Pillow's <c>convert("RGB")</c> gives. Pixels come as they are stored, with
/// the orientation that the file asks for beside them (<see cref="ImageBuffer.Orientation"/>). Safe for many threads.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Decodes a file held in memory.</summary>
    /// <param name="data">The whole file.</param>
    /// <param name="into">Receives size, pixels and orientation.</param>
    /// <param name="name">What error messages call the file.</param>
    /// <exception cref="InvalidDataException">Unknown format, a damaged or truncated file, or too many pixels.</exception>
    /// <exception cref="DllNotFoundException">The format needs a native library, and this system has neither its own nor the packaged
    /// one.</exception>
    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name = "image")
    {
        ImageFormat format = ImageFormats.Of(data, name);
        format.Decode(data, into, name);
        into.Orientation = format.ReadOrientation(data);
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
    public static ImageInfo Identify(ReadOnlySpan<byte> data, string name = "image") => ImageFormats.Of(data, name).Identify(data, name);

    /// <inheritdoc cref="Identify(ReadOnlySpan{byte}, string)"/>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ImageInfo Identify(string path)
    {
        using FileBytes file = new(path);
        return Identify(file.Span, path);
    }
}
