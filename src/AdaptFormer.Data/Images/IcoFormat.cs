using System.Buffers.Binary;

namespace AdaptFormer.Data.Images;

/// <summary>
/// Icons and cursors of Windows, by SkiaSharp: of several pictures the largest. Their sizes are read here first: sides that no icon has
/// take Skia seconds.
/// </summary>
internal sealed class IcoFormat : ImageFormat
{
    /// <summary>Longest side in pixels. The list of an icon ends at 256; PNG within it may be larger, and real files stay far below
    /// this.</summary>
    public const int MaxSide = 1024;

    private const int Header = 6, Entry = 16;

    public override string Name => "ICO";

    public override IReadOnlyList<string> Extensions { get; } = [".ico", ".cur"];

    public override bool Recognises(ReadOnlySpan<byte> data) =>
        data.Length >= 22 && data[0] == 0 && data[1] == 0 && data[2] is 1 or 2 && data[3] == 0
            && BinaryPrimitives.ReadUInt16LittleEndian(data[4..]) is > 0 and < 256 && data[9] == 0;

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        CheckSides(data, name);
        (int width, int height) = SkiaPictures.Size(data, Name, name);
        return new ImageInfo(this, width, height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name)
    {
        CheckSides(data, name);
        SkiaPictures.Decode(data, into, Name, name);
    }

    private static void CheckSides(ReadOnlySpan<byte> data, string name)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(data[4..]);
        for (int i = 0; i < count && data.Length >= Header + ((i + 1) * Entry); i++)
        {
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(data[(Header + (i * Entry) + 12)..]);
            if (at > data.Length) continue;      // Skia passes over it
            (long width, long height) = SizeOf(data[(int)at..]);
            if (width > MaxSide || height > MaxSide)
            {
                throw ImageErrors.Bad(name,
                    $"an ICO picture of {width}x{height} pixels; icons have sides of at most {MaxSide}: the file is "
                    + "damaged, or should be a PNG.");
            }
        }
    }

    /// <summary>Size of one picture: a PNG, or a bitmap without its file header, whose height counts the mask below the colours
    /// too.</summary>
    private static (long Width, long Height) SizeOf(ReadOnlySpan<byte> picture)
    {
        if (picture.StartsWith(PngHeader.Signature[..4]))
        {
            return picture.Length < 24 ? default
                : (BinaryPrimitives.ReadUInt32BigEndian(picture[16..]), BinaryPrimitives.ReadUInt32BigEndian(picture[20..]));
        }

        if (picture.Length < 12) return default;
        bool old = BinaryPrimitives.ReadInt32LittleEndian(picture) == 12;
        (long width, long height) = old
            ? (BinaryPrimitives.ReadUInt16LittleEndian(picture[4..]), BinaryPrimitives.ReadUInt16LittleEndian(picture[6..]))
            : (BinaryPrimitives.ReadInt32LittleEndian(picture[4..]), BinaryPrimitives.ReadInt32LittleEndian(picture[8..]));
        return (Math.Abs(width), Math.Abs(height) / 2);
    }
}
