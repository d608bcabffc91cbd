namespace AdaptFormer.Data.Shards;

/// <summary>How a cache keeps frames.</summary>
public enum PackFormat
{
    /// <summary>As JPEG: small; costs a second lossy compression where a frame is no JPEG of that size already.</summary>
    Jpeg,

    /// <summary>As pixels: no loss but the resize, nothing to decode, ten times as large.</summary>
    Raw,
}

/// <summary>How a cache is made.</summary>
/// <param name="ShortSide">Shorter side that larger frames are reduced to, with Pillow's bicubic filter, in [16, 4096]; smaller ones keep
/// their size.</param>
/// <param name="Format">How they are kept.</param>
/// <param name="Quality">JPEG quality, in [1, 100].</param>
/// <param name="Every">Distance of the frames of a clip that are kept, in [1, 255]: those between them are shown by the one before.</param>
/// <param name="ByContent">
/// Whether files are known by their whole content, and not by length and time of change; the cache then survives copying, and opening it
/// reads them all.
/// </param>
public sealed record PackOptions(
    int ShortSide = 256, PackFormat Format = PackFormat.Jpeg, int Quality = 92, int Every = 1, bool ByContent = false)
{
    /// <summary>The options as the number that a cache keeps: content, format, shorter side (13 bits), distance and quality.</summary>
    internal int Tag => (ByContent ? 1 << 30 : 0) | (Format == PackFormat.Raw ? 1 << 29 : 0) | (ShortSide << 15) | (Every << 7) | Quality;

    internal static PackOptions FromTag(int tag) =>
        new((tag >> 15) & 0x1FFF, (tag >> 29 & 1) == 1
            ? PackFormat.Raw
            : PackFormat.Jpeg, tag & 127, (tag >> 7) & 255, (tag >> 30 & 1) == 1);

    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ShortSide, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ShortSide, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(Quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Quality, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(Every, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Every, 255);
    }
}
