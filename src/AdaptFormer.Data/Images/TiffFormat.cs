using BitMiracle.LibTiff.Classic;

namespace AdaptFormer.Data.Images;

/// <summary>
/// TIFF: the first page, by LibTiff.NET, row by row or tile by tile. Gray, palette, RGB and CMYK with 1 to 16 bits a sample and
/// every compression that the library knows. Photographs in TIFF files with JPEG inside are converted to RGB by it.
/// </summary>
internal sealed class TiffFormat : ImageFormat
{
    public override string Name => "TIFF";

    public override IReadOnlyList<string> Extensions { get; } = [".tif", ".tiff"];

    public override bool Recognises(ReadOnlySpan<byte> data) =>
        data.Length >= 8 && (data.StartsWith("II*\0"u8) || data.StartsWith("MM\0*"u8) || data.StartsWith("II+\0"u8)
            || data.StartsWith("MM\0+"u8));

    public override unsafe ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        TiffDirectory.Check(data, name);
        fixed (byte* bytes = data)
        {
            using UnmanagedMemoryStream stream = new(bytes, data.Length);
            TiffLayout layout = Guard(name, () => Open(stream, name, (_, found) => found));
            return new ImageInfo(this, layout.Width, layout.Height);
        }
    }

    public override unsafe void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        TiffDirectory.Check(data, name);
        int fileBytes = data.Length;
        fixed (byte* bytes = data)
        {
            using UnmanagedMemoryStream stream = new(bytes, data.Length);
            Guard(name, () => Open(stream, name, (file, layout) =>
            {
                layout.CheckParts(file, fileBytes);
                new TiffPixels(file, layout, into).Read();
                if (TiffErrors.Last is { } error) throw ImageErrors.Bad(name, $"damaged TIFF data: {error}");
                return layout;
            }));
        }
    }

    public override Orientation ReadOrientation(ReadOnlySpan<byte> data) => Exif.Read(data);

    private static T Open<T>(Stream stream, string name, Func<Tiff, TiffLayout, T> use)
    {
        TiffErrors.Install();
        using Tiff file = Tiff.ClientOpen(name, "r", stream, new TiffStream())
            ?? throw ImageErrors.Bad(name, $"damaged TIFF header: {TiffErrors.Last}");
        return use(file, TiffLayout.Read(file, name));
    }

    /// <summary>The library indexes arrays with numbers from the file: what it throws then is a damaged file.</summary>
    private static T Guard<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            throw new InvalidDataException($"{name}: damaged TIFF data: {TiffErrors.Last ?? e.Message}", e);
        }
    }
}

/// <summary>Keeps what the library reports on this thread, instead of printing it.</summary>
internal sealed class TiffErrors : TiffErrorHandler
{
    private static readonly TiffErrors Instance = new();

    [ThreadStatic]
    private static string? _last;

    /// <summary>The first error since <see cref="Install"/>; null if there was none.</summary>
    public static string? Last => _last;

    /// <summary>Forgets errors, and makes sure that those to come are kept.</summary>
    public static void Install()
    {
        _last = null;
        Tiff.SetErrorHandler(Instance);
    }

    public override void ErrorHandler(Tiff tif, string method, string format, params object[] args) =>
        _last ??= string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args);

    public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
    {
    }

    public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
    {
    }

    public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
    {
    }
}
