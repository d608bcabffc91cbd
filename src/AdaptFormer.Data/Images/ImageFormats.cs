namespace AdaptFormer.Data.Images;

/// <summary>The formats of pictures that can be read. A file's first bytes say which one it is, never its name.</summary>
public static class ImageFormats
{
    private static readonly Lock Adding = new();
    private static ImageFormat[] _known;

    static ImageFormats() => _known = [Jpeg, Png, WebP, Gif, Tiff, Ico, Bmp, Pnm];

    /// <summary>JPEG, by libjpeg-turbo or SkiaSharp.</summary>
    public static ImageFormat Jpeg { get; } = new JpegFormat();

    /// <summary>PNG, by this library.</summary>
    public static ImageFormat Png { get; } = new PngFormat();

    /// <summary>WebP, by libwebp or SkiaSharp.</summary>
    public static ImageFormat WebP { get; } = new WebPFormat();

    /// <summary>GIF, by SkiaSharp.</summary>
    public static ImageFormat Gif { get; } = new GifFormat();

    /// <summary>TIFF, by LibTiff.NET.</summary>
    public static ImageFormat Tiff { get; } = new TiffFormat();

    /// <summary>Icons of Windows, by SkiaSharp.</summary>
    public static ImageFormat Ico { get; } = new IcoFormat();

    /// <summary>Bitmaps of Windows, by this library and, where they are run-length encoded, by SkiaSharp.</summary>
    public static ImageFormat Bmp { get; } = new BmpFormat();

    /// <summary>Portable graymaps and pixmaps (P2, P3, P5, P6), by this library.</summary>
    public static ImageFormat Pnm { get; } = new PnmFormat();

    /// <summary>Every format, in the order in which they are tried.</summary>
    public static IReadOnlyList<ImageFormat> Known => Volatile.Read(ref _known);

    /// <summary>Endings that pictures of these formats usually have, with their dots, in lower case.</summary>
    public static IReadOnlyList<string> Extensions => [.. Known.SelectMany(format => format.Extensions).Distinct()];

    /// <summary>Adds a format; it is asked before those that are there already.</summary>
    /// <exception cref="ArgumentException">There is one of that name.</exception>
    public static void Add(ImageFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        lock (Adding)
        {
            if (_known.Any(known => known.Name == format.Name))
                throw new ArgumentException($"ImageFormats: there is a format called {format.Name} already.", nameof(format));
            Volatile.Write(ref _known, [format, .. _known]);
        }
    }

    /// <summary>The format of a file.</summary>
    /// <param name="data">The file, or its beginning.</param>
    /// <param name="name">What the error message calls the file.</param>
    /// <exception cref="InvalidDataException">It is none of these; where the format can be told, the message names it and the way
    /// out.</exception>
    public static ImageFormat Of(ReadOnlySpan<byte> data, string name)
    {
        foreach (ImageFormat format in Volatile.Read(ref _known))
        {
            if (format.Recognises(data)) return format;
        }

        throw ImageErrors.Bad(name, ForeignFormats.Describe(data)
            ?? $"not a picture in a known format ({string.Join(", ", Known.Select(format => format.Name))}); the file starts with "
            + $"{Convert.ToHexString(data[..Math.Min(8, data.Length)])}.");
    }
}
