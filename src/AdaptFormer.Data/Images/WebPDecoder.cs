using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace AdaptFormer.Data;

/// <summary>WebP through libwebp. Of an animation the first frame is decoded, on a black canvas, as Pillow does.</summary>
internal static unsafe partial class WebPDecoder
{
    private const int FrameHeader = 16;

    public static ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        NativeImageLibraries.Require(NativeImageLibraries.WebP, name);
        fixed (byte* bytes = data)
        {
            if (WebPGetInfo(bytes, (nuint)data.Length, out int width, out int height) == 0)
                throw ImageErrors.Bad(name, "the WebP header is damaged.");
            return new ImageInfo(ImageFormat.WebP, width, height);
        }
    }

    public static void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        (_, int width, int height) = Identify(data, name);
        ImageErrors.CheckSize(name, ImageFormat.WebP, width, height);
        into.Reset(width, height);
        if (Chunk(data[12..], "ANMF"u8) is { IsEmpty: false } frame)
            DecodeFrame(frame, into, name);
        else
            DecodeInto(data, into.Pixels, into.Stride, name);
    }

    /// <summary>For example <c>1.2.4</c>.</summary>
    public static string LibraryVersion()
    {
        int version = WebPGetDecoderVersion();
        return $"{version >> 16}.{(version >> 8) & 255}.{version & 255}";
    }

    /// <summary>An animation frame: x/2, y/2, width-1, height-1 (24 bits each), 4 more bytes, then the picture's own chunks.</summary>
    private static void DecodeFrame(ReadOnlySpan<byte> frame, ImageBuffer into, string name)
    {
        if (frame.Length < FrameHeader) throw ImageErrors.Bad(name, "the first animation frame is truncated.");
        int x = Int24(frame) * 2, y = Int24(frame[3..]) * 2, width = Int24(frame[6..]) + 1, height = Int24(frame[9..]) + 1;
        if (x + width > into.Width || y + height > into.Height)
            throw ImageErrors.Bad(name, $"the first animation frame ({width}x{height} at {x},{y}) lies outside the {into.Width}x{into.Height} canvas.");

        ReadOnlySpan<byte> chunks = frame[FrameHeader..];
        ReadOnlySpan<byte> picture = Chunk(chunks, "VP8 "u8) is { IsEmpty: false } lossy ? lossy : Chunk(chunks, "VP8L"u8);
        fixed (byte* bytes = picture)
        {
            if (WebPGetInfo(bytes, (nuint)picture.Length, out int w, out int h) == 0 || w != width || h != height)
                throw ImageErrors.Bad(name, "the first animation frame holds no picture of the size that it announces.");
        }

        into.Pixels.Clear();
        DecodeInto(picture, into.Pixels[((y * into.Stride) + (x * 3))..], into.Stride, name);
    }

    private static void DecodeInto(ReadOnlySpan<byte> data, Span<byte> pixels, int stride, string name)
    {
        fixed (byte* bytes = data, destination = pixels)
        {
            if (WebPDecodeRGBInto(bytes, (nuint)data.Length, destination, (nuint)pixels.Length, stride) == null)
                throw ImageErrors.Bad(name, "damaged or truncated WebP data.");
        }
    }

    /// <summary>The payload of the first chunk called <paramref name="id"/>; empty if there is none.</summary>
    private static ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> chunks, ReadOnlySpan<byte> id)
    {
        while (chunks.Length >= 8)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(chunks[4..]);
            if (size > chunks.Length - 8) return default;
            if (chunks[..4].SequenceEqual(id)) return chunks.Slice(8, (int)size);
            long next = 8L + size + (size & 1);
            if (next > chunks.Length) return default;
            chunks = chunks[(int)next..];
        }

        return default;
    }

    private static int Int24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);

#pragma warning disable IDE1006 // the library's own names
    [LibraryImport(NativeImageLibraries.WebP)]
    private static partial int WebPGetInfo(byte* data, nuint size, out int width, out int height);

    [LibraryImport(NativeImageLibraries.WebP)]
    private static partial byte* WebPDecodeRGBInto(byte* data, nuint size, byte* destination, nuint destinationSize, int stride);

    [LibraryImport(NativeImageLibraries.WebP)]
    private static partial int WebPGetDecoderVersion();
#pragma warning restore IDE1006
}
