using System.Runtime.InteropServices;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Decodes JPEG through TurboJPEG's 2.x interface, which 3.x keeps. Its pixels equal Pillow's, which uses the same library.
/// </summary>
internal static unsafe partial class TurboJpeg
{
    private const int FormatRgb = 0, FormatCmyk = 11;
    private const int ColorspaceCmyk = 3, ColorspaceYcck = 4;

    /// <summary>Decodes a file without stray bytes between its segments.</summary>
    /// <exception cref="InvalidDataException">The library refuses it, or warns of it.</exception>
    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        using Decompressor jpeg = new(data, name);
        into.Reserve(jpeg.Width, jpeg.Height, jpeg.IsCmyk ? 4 : 3);
        jpeg.Decompress(data, into.Room, jpeg.IsCmyk ? FormatCmyk : FormatRgb);
        if (jpeg.IsCmyk) Cmyk.ToRgb(into.Room, into.Pixels);
    }

    /// <summary>
    /// TurboJPEG's handle for one file, its header read. Never shared by two files: tables of the one would serve the other
    /// where it has none of its own, and an error can spoil the handle for good. Making one costs microseconds.
    /// </summary>
    private readonly ref struct Decompressor
    {
        private readonly nint _handle;
        private readonly int _colorspace;
        private readonly string _name;

        public Decompressor(ReadOnlySpan<byte> data, string name)
        {
            _name = name;
            _handle = tjInitDecompress();
            if (_handle == 0) throw new InvalidOperationException("tjInitDecompress failed: libturbojpeg could not create a decompressor.");
            fixed (byte* bytes = data)
            {
                int status = tjDecompressHeader3(_handle, bytes, new CULong((nuint)data.Length), out int width, out int height, out _,
                    out _colorspace);

                // A truncated header is only a warning to the library, and it leaves the size at 0. Odd sampling factors are
                // an error to this call although decoding handles them.
                bool usable = status == 0 || tjGetErrorCode(_handle) == 0 || Error.Contains("subsampling", StringComparison.Ordinal);
                try
                {
                    if (!usable || width <= 0 || height <= 0) throw Failed("header");
                    ImageErrors.CheckSize(name, "JPEG", width, height);
                }
                catch
                {
                    Dispose();
                    throw;
                }

                (Width, Height) = (width, height);
            }
        }

        public int Width { get; }

        public int Height { get; }

        public bool IsCmyk => _colorspace is ColorspaceCmyk or ColorspaceYcck;

        private string Error => Marshal.PtrToStringUTF8(tjGetErrorStr2(_handle)) ?? "unknown error";

        public void Decompress(ReadOnlySpan<byte> data, Span<byte> pixels, int format)
        {
            fixed (byte* bytes = data, destination = pixels)
            {
                if (tjDecompress2(_handle, bytes, new CULong((nuint)data.Length), destination, Width, 0, Height, format, 0) == 0) return;
            }

            // A warning means that pixels were made up for missing or damaged data: an error here. The library keeps the first
            // warning, so if that is about superfluous bytes after the last pixel, everything before it was in order.
            if (tjGetErrorCode(_handle) != 0 || !Error.EndsWith("extraneous bytes before marker 0xd9", StringComparison.Ordinal))
                throw Failed("data");
        }

        public void Dispose() => _ = tjDestroy(_handle);

        private InvalidDataException Failed(string part) => ImageErrors.Bad(_name, $"damaged JPEG {part}: {Error}");
    }

#pragma warning disable IDE1006 // the library's own names
    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjInitDecompress();

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDestroy(nint handle);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDecompressHeader3(nint handle, byte* data, CULong size, out int width, out int height,
        out int subsampling, out int colorspace);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjDecompress2(nint handle, byte* data, CULong size, byte* destination, int width, int pitch, int height,
        int format, int flags);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial nint tjGetErrorStr2(nint handle);

    [LibraryImport(NativeImageLibraries.TurboJpeg)]
    private static partial int tjGetErrorCode(nint handle);
#pragma warning restore IDE1006
}
