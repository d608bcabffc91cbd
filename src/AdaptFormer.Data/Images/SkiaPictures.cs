using System.Runtime.Intrinsics;
using SkiaSharp;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Decodes pictures through SkiaSharp, whose native part comes with its package for Linux, macOS and Windows. Colour profiles are
/// not applied and nothing is scaled. Skia shows what it can of a damaged file and says so in its result, which is an error here.
/// </summary>
internal static unsafe class SkiaPictures
{
    private const int RowsAtOnce = 32;

    private static readonly Lazy<bool> Found = new(Probe);

    /// <summary>For <see cref="NativeImageLibraries.Describe"/>.</summary>
    public static NativeLibraryInfo Describe() => new(
        "libSkiaSharp", "reading GIF and icons; JPEG and WebP where the libraries above are missing", Found.Value,
        Found.Value ? "from its package" : null,
        Found.Value ? typeof(SKCodec).Assembly.GetName().Version?.ToString(3) : null,
        "it is installed with the SkiaSharp.NativeAssets package of this system, where there is one");

    /// <summary>Size of a picture.</summary>
    public static (int Width, int Height) Size(ReadOnlySpan<byte> data, string format, string name)
    {
        Require(format, name);
        int width = 0, height = 0;
        fixed (byte* bytes = data)
        {
            using SKData wrapped = SKData.Create((nint)bytes, data.Length);
            using SKCodec codec = Open(wrapped, format, name, ref width, ref height);
        }

        return (width, height);
    }

    /// <summary>Decodes a whole picture.</summary>
    /// <param name="data">The file.</param>
    /// <param name="into">Receives size and pixels; meanwhile four bytes a pixel.</param>
    /// <param name="format">What messages call the format.</param>
    /// <param name="name">What they call the file.</param>
    /// <param name="width">Pixels per row that the file's own header gives; 0 if it was not read.</param>
    /// <param name="height">Rows that it gives; 0 if it was not read.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or of another size.</exception>
    /// <exception cref="DllNotFoundException">There is no native part for this system.</exception>
    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string format, string name, int width = 0, int height = 0)
    {
        Require(format, name);
        fixed (byte* bytes = data)
        {
            using SKData wrapped = SKData.Create((nint)bytes, data.Length);
            using SKCodec codec = Open(wrapped, format, name, ref width, ref height);
            into.Reserve(width, height, 4);
            fixed (byte* pixels = into.Room)
            {
                Check(codec.GetPixels(Rgba(width, height), (nint)pixels, width * 4, SKCodecOptions.Default), format, name);
                Pack(pixels, pixels, (long)width * height);
            }
        }
    }

    /// <summary>As <see cref="Decode"/>, some rows at a time, so that the only picture in memory is the one that results.</summary>
    public static void DecodeRows(ReadOnlySpan<byte> data, ImageBuffer into, string format, string name, int width, int height)
    {
        Require(format, name);
        byte[] rows = PixelMemory.Rent((width * 4 * RowsAtOnce) + ImageBuffer.Slack);
        try
        {
            fixed (byte* bytes = data, strip = rows)
            {
                using SKData wrapped = SKData.Create((nint)bytes, data.Length);
                using SKCodec codec = Open(wrapped, format, name, ref width, ref height);
                Check(codec.StartScanlineDecode(Rgba(width, height)), format, name);
                into.Reset(width, height);
                fixed (byte* pixels = into.PixelsWithSlack)
                {
                    for (int y = 0; y < height; y += RowsAtOnce)
                    {
                        int count = Math.Min(RowsAtOnce, height - y);
                        if (codec.GetScanlines((nint)strip, count, width * 4) != count) throw ImageErrors.Truncated(name, format);
                        Pack(strip, pixels + ((long)y * into.Stride), (long)width * count);
                    }
                }
            }
        }
        finally
        {
            PixelMemory.Return(rows);
        }
    }

    /// <summary>Encodes a picture as JPEG, with colour at half resolution (4:2:0).</summary>
    /// <exception cref="DllNotFoundException">There is no native part for this system.</exception>
    public static byte[] EncodeJpeg(ImageBuffer image, int quality)
    {
        Require("JPEG", "writing JPEG");
        byte[] rgba = PixelMemory.Rent(image.Width * image.Height * 4);
        try
        {
            Span<byte> pixels = image.Pixels;
            for (int i = 0, o = 0; i < pixels.Length; i += 3, o += 4) pixels.Slice(i, 3).CopyTo(rgba.AsSpan(o));      // no fourth byte
            fixed (byte* bytes = rgba)
            {
                SKImageInfo info = new(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
                SKJpegEncoderOptions options = new(quality, SKJpegEncoderDownsample.Downsample420, SKJpegEncoderAlphaOption.Ignore);
                using SKPixmap map = new(info, (nint)bytes, image.Width * 4);
                using SKData encoded = map.Encode(options)
                    ?? throw new InvalidOperationException("SkiaSharp could not encode the picture as JPEG.");
                return encoded.ToArray();
            }
        }
        finally
        {
            PixelMemory.Return(rgba);
        }
    }

    private static SKCodec Open(SKData data, string format, string name, ref int width, ref int height)
    {
        SKCodec codec = SKCodec.Create(data) ?? throw ImageErrors.Bad(name, $"damaged {format} header.");
        (int w, int h) = (codec.Info.Width, codec.Info.Height);
        try
        {
            ImageErrors.CheckSize(name, format, w, h);
            if (width != 0 && (w, h) != (width, height))
                throw ImageErrors.Bad(name, $"damaged {format} header: it gives {width}x{height} and {w}x{h} pixels.");
        }
        catch
        {
            codec.Dispose();
            throw;
        }

        (width, height) = (w, h);
        return codec;
    }

    private static SKImageInfo Rgba(int width, int height) => new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);

    private static void Check(SKCodecResult result, string format, string name)
    {
        if (result == SKCodecResult.IncompleteInput) throw ImageErrors.Truncated(name, format);
        if (result != SKCodecResult.Success) throw ImageErrors.Bad(name, $"damaged {format} data ({result}).");
    }

    /// <summary>
    /// Drops the fourth byte of each pixel, front to back, so that it may be done in place. Writes up to 16 bytes past the last pixel.
    /// </summary>
    private static void Pack(byte* rgba, byte* rgb, long pixels)
    {
        Vector128<byte> order = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255);
        long i = 0;
        for (; i <= pixels - 4; i += 4) Vector128.Shuffle(Vector128.Load(rgba + (i * 4)), order).Store(rgb + (i * 3));
        for (; i < pixels; i++)
        {
            for (int c = 0; c < 3; c++) rgb[(i * 3) + c] = rgba[(i * 4) + c];
        }
    }

    private static void Require(string format, string name)
    {
        if (!Found.Value)
        {
            throw new DllNotFoundException($"{name}: {format} needs SkiaSharp's native library, which was not found: it is not published "
                + "for this system, or was left out when the program was copied. JPEG and WebP are also read by libturbojpeg "
                + $"({NativeImageLibraries.InstallTurboJpeg}) and libwebp.");
        }
    }

    private static bool Probe()
    {
        try
        {
            using SKData data = SKData.CreateCopy([0]);
            return data is not null;
        }
        catch (Exception e)
            when (e is TypeLoadException or TypeInitializationException or BadImageFormatException or InvalidOperationException)
        {
            return false;
        }
    }
}
