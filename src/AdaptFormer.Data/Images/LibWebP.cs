using System.Runtime.InteropServices;

namespace AdaptFormer.Data.Images;

/// <summary>Decodes the picture in a WebP file through libwebp.</summary>
internal static unsafe partial class LibWebP
{
    /// <summary>Decodes the payload of a VP8 or VP8L chunk, of the size that <paramref name="into"/> has.</summary>
    /// <exception cref="InvalidDataException">The library refuses it.</exception>
    public static void Decode(ReadOnlySpan<byte> payload, ImageBuffer into, string name)
    {
        fixed (byte* bytes = payload, destination = into.Pixels)
        {
            if (WebPDecodeRGBInto(bytes, (nuint)payload.Length, destination, (nuint)into.Pixels.Length, into.Stride) == null)
                throw ImageErrors.Bad(name, "damaged or truncated WebP data.");
        }
    }

    /// <summary>For example <c>1.2.4</c>.</summary>
    public static string Version()
    {
        int version = WebPGetDecoderVersion();
        return $"{version >> 16}.{(version >> 8) & 255}.{version & 255}";
    }

#pragma warning disable IDE1006 // the library's own names
    [LibraryImport(NativeImageLibraries.WebP)]
    private static partial byte* WebPDecodeRGBInto(byte* data, nuint size, byte* destination, nuint destinationSize, int stride);

    [LibraryImport(NativeImageLibraries.WebP)]
    private static partial int WebPGetDecoderVersion();
#pragma warning restore IDE1006
}
