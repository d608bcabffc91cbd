using System.Buffers.Binary;

namespace AdaptFormer.Data;

/// <summary>Icons and cursors of Windows, by SkiaSharp: of several pictures the largest.</summary>
internal sealed class IcoFormat : ImageFormat
{
    public override string Name => "ICO";

    public override IReadOnlyList<string> Extensions { get; } = [".ico", ".cur"];

    public override bool Recognises(ReadOnlySpan<byte> data) =>
        data.Length >= 22 && data[0] == 0 && data[1] == 0 && data[2] is 1 or 2 && data[3] == 0
            && BinaryPrimitives.ReadUInt16LittleEndian(data[4..]) is > 0 and < 256 && data[9] == 0;

    public override ImageInfo Identify(ReadOnlySpan<byte> data, string name)
    {
        (int width, int height) = SkiaPictures.Size(data, Name, name);
        return new ImageInfo(this, width, height);
    }

    public override void Decode(ReadOnlySpan<byte> data, ImageBuffer into, string name) => SkiaPictures.Decode(data, into, Name, name);
}
