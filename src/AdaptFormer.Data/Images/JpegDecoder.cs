using System.Buffers;
using System.Runtime.InteropServices;

namespace AdaptFormer.Data;

/// <summary>JPEG through TurboJPEG's 2.x interface, which 3.x keeps. Its pixels equal Pillow's, which uses the same library.</summary>
internal static unsafe partial class JpegDecoder
{
    private const int FormatRgb = 0, FormatCmyk = 11;
    private const int ColorspaceCmyk = 3, ColorspaceYcck = 4;
    private const int LimitScans = 1 << 15;      // refuses progressive files with thousands of scans, which take minutes to decode

    [ThreadStatic]
    private static Decompressor? _decompressor;

    public static ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        (int width, int height, _) = ReadHeader(data, name);
        return new ImageInfo(ImageFormat.Jpeg, width, height);
    }

    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        (int width, int height, int colorspace) = ReadHeader(data, name);
        ImageErrors.CheckSize(name, ImageFormat.Jpeg, width, height);
        into.Reset(width, height);
        if (colorspace is not (ColorspaceCmyk or ColorspaceYcck))
        {
            Decompress(data, into.Pixels, width, height, FormatRgb, name);
            return;
        }

        byte[] cmyk = ArrayPool<byte>.Shared.Rent(checked(width * height * 4));
        try
        {
            Decompress(data, cmyk, width, height, FormatCmyk, name);
            CmykToRgb(cmyk, into.Pixels);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(cmyk);
        }
    }

    /// <summary>
    /// Pillow's arithmetic on inks stored inverted, as Adobe programs write them: with n = K (255: no black) each channel is
    /// n - (255 - C)·n / 255, the division rounded by shifts.
    /// </summary>
    private static void CmykToRgb(ReadOnlySpan<byte> cmyk, Span<byte> rgb)
    {
        for (int i = 0, o = 0; o < rgb.Length; i += 4, o += 3)
        {
            int n = cmyk[i + 3];
            for (int c = 0; c < 3; c++)
            {
                int t = ((255 - cmyk[i + c]) * n) + 128;
                rgb[o + c] = (byte)Math.Clamp(n - (((t >> 8) + t) >> 8), 0, 255);
            }
        }
    }

    private static (int Width, int Height, int Colorspace) ReadHeader(ReadOnlySpan<byte> data, string name)
    {
        NativeImageLibraries.Require(NativeImageLibraries.TurboJpeg, name);
        Decompressor jpeg = _decompressor ??= new Decompressor();
        fixed (byte* bytes = data)
        {
            int status = tjDecompressHeader3(jpeg.Handle, bytes, new CULong((nuint)data.Length), out int width, out int height, out _, out int colorspace);
            if (width <= 0 || height <= 0) throw Failed(jpeg, name, "header");       // a truncated header is only a warning to the library
            return status == 0 || !jpeg.FailedForGood ? (width, height, colorspace) : throw Failed(jpeg, name, "header");
        }
    }

    private static void Decompress(ReadOnlySpan<byte> data, Span<byte> pixels, int width, int height, int format, string name)
    {
        Decompressor jpeg = _decompressor!;
        fixed (byte* bytes = data, destination = pixels)
        {
            // A warning means that the library made up pixels for missing or damaged data: that is an error here.
            if (tjDecompress2(jpeg.Handle, bytes, new CULong((nuint)data.Length), destination, width, 0, height, format, LimitScans) != 0)
                throw Failed(jpeg, name, "data");
        }
    }

    private static InvalidDataException Failed(Decompressor jpeg, string name, string part) =>
        ImageErrors.Bad(name, $"damaged JPEG {part}: {jpeg.Error}");

    /// <summary>TurboJPEG's handle of one thread; freed by the finaliser after the thread has gone.</summary>
    private sealed class Decompressor
    {
        public Decompressor()
        {
            Handle = tjInitDecompress();
            if (Handle == 0) throw new InvalidOperationException("tjInitDecompress failed: libturbojpeg could not create a decompressor.");
        }

        ~Decompressor() => _ = tjDestroy(Handle);

        public nint Handle { get; }

        public string Error => Marshal.PtrToStringUTF8(tjGetErrorStr2(Handle)) ?? "unknown error";

        public bool FailedForGood => tjGetErrorCode(Handle) != 0;
    }

#pragma warning disable IDE1006 // the library's own names
    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjInitDecompress();

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDestroy(nint handle);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDecompressHeader3(nint handle, byte* data, CULong size, out int width, out int height, out int subsampling, out int colorspace);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDecompress2(nint handle, byte* data, CULong size, byte* destination, int width, int pitch, int height, int format, int flags);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjGetErrorStr2(nint handle);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjGetErrorCode(nint handle);
#pragma warning restore IDE1006
}
