using System.Text;

namespace AdaptFormer.Data.Images;

/// <summary>Names files that are no picture which can be read here: what they are, and the way out.</summary>
internal static class ForeignFormats
{
    private const string Convert = "convert it to JPEG or PNG first";

    /// <summary>Formats by the bytes that they start with.</summary>
    private static readonly (byte[] Start, string What)[] Starts =
    [
        ([0, 0, 0, 0x0C, (byte)'j', (byte)'P', (byte)' ', (byte)' '], $"a JPEG 2000 picture, which is not read; {Convert}"),
        ([0xFF, 0x4F, 0xFF, 0x51], $"a JPEG 2000 picture, which is not read; {Convert}"),
        ([0, 0, 0, 0x0C, (byte)'J', (byte)'X', (byte)'L', (byte)' '], $"a JPEG XL picture, which is not read; {Convert} (djxl)"),
        ([0xFF, 0x0A], $"a JPEG XL picture, which is not read; {Convert} (djxl)"),
        ("8BPS"u8.ToArray(), $"a Photoshop document, which is not read; {Convert}"),
        ([0x76, 0x2F, 0x31, 0x01], $"an OpenEXR picture, which is not read; {Convert}"),
        ("#?RADIANCE"u8.ToArray(), $"a Radiance HDR picture, which is not read; {Convert}"),
        ("DDS "u8.ToArray(), $"a DirectDraw texture, which is not read; {Convert}"),
        ("%PDF"u8.ToArray(), "a PDF document, not a picture"),
        ("PK\x03\x04"u8.ToArray(), "a ZIP archive, not a picture; unpack it"),
        ([0x1F, 0x8B], "a gzip archive, not a picture; unpack it"),
        ("version https://git-lfs"u8.ToArray(), "a pointer of Git LFS, not the picture itself; fetch the files (git lfs pull)"),
        ("P1"u8.ToArray(), $"a bitmap of Netpbm (P1), which is not read; {Convert}, or to P5"),
        ("P4"u8.ToArray(), $"a bitmap of Netpbm (P4), which is not read; {Convert}, or to P5"),
        ("P7"u8.ToArray(), $"a PAM picture (P7), which is not read; {Convert}, or to P6"),
    ];

    /// <summary>Major brands of the ISO base media file format (the letters after <c>ftyp</c>).</summary>
    private static readonly (string Brand, string What)[] Brands =
    [
        ("heic", Heif), ("heix", Heif), ("heim", Heif), ("heis", Heif), ("hevc", Heif), ("hevx", Heif), ("mif1", Heif), ("msf1", Heif),
        ("avif", Avif), ("avis", Avif), ("crx ", $"a raw photo (CR3), which is not read; {Convert}"),
    ];

    private static readonly char[] BeforeMarkup = ['\u00EF', '\u00BB', '\u00BF', ' ', '\r', '\n', '\t'];
    private static readonly string[] MarkupStarts = ["<!doctype", "<html", "<head", "<?xml", "<svg"];

    private const string Heif = $"a HEIC picture (as iPhones take them), which is not read; {Convert} "
        + "(heif-convert, ImageMagick, or \"Most Compatible\" in the phone's camera settings)";

    private const string Avif = $"an AVIF picture, which is not read; {Convert} (avifdec, ImageMagick)";

    /// <summary>What the file is, as the end of a sentence; null if that cannot be told.</summary>
    public static string? Describe(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return "the file is empty.";
        foreach ((byte[] start, string what) in Starts)
        {
            if (data.StartsWith(start)) return $"this is {what}.";
        }

        if (data.Length >= 12 && data[4..8].SequenceEqual("ftyp"u8))
        {
            string brand = Encoding.Latin1.GetString(data[8..12]);
            string what = Array.Find(Brands, known => known.Brand == brand).What
                ?? "a video, not a picture; clips are read by models for clips (data.kind \"clips\")";
            return $"this is {what}.";
        }

        return IsMarkup(data) ? "this is a web page or other markup, not a picture: the download may have failed." : null;
    }

    private static bool IsMarkup(ReadOnlySpan<byte> data)
    {
        string start = Encoding.Latin1.GetString(data[..Math.Min(64, data.Length)]).TrimStart(BeforeMarkup);
        return Array.Exists(MarkupStarts, tag => start.StartsWith(tag, StringComparison.OrdinalIgnoreCase));
    }
}
