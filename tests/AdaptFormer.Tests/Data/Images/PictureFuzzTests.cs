using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>
/// Damaged pictures of every format: each is decoded, or refused by name; none takes more memory than three times its pixels and 16 MB.
/// </summary>
public sealed class PictureFuzzTests(ITestOutputHelper output)
{
    private const string Name = "spoilt.file";
    private const long FreeAllocation = 16 << 20, BytesPerPixel = 3;

    public static TheoryData<string> AllKinds =>
        ["png", "png-deep", "jpeg", "jpeg-packaged", "webp", "webp-packaged", "gif", "tiff", "bmp", "ico", "pnm"];

    [Theory]
    [MemberData(nameof(AllKinds))]
    public void Damaged_pictures_are_decoded_or_refused_cleanly_quickly_and_frugally(string kind)
    {
        bool native = !kind.EndsWith("-packaged", StringComparison.Ordinal);
        if (kind == "jpeg") Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed.");
        if (kind == "webp") Assert.SkipUnless(NativeImageLibraries.HasWebP, "libwebp is not installed.");
        List<byte[]> seeds = Seeds(kind);
        foreach (byte[] seed in seeds) Decode(seed);

        // The magic bytes stay.
        Fuzz fuzz = new(kind, output) { Few = 60, Named = Name, Allowed = file => FreeAllocation + (3 * BytesPerPixel * Pixels(file)) };
        fuzz.Run(rng => seeds[rng.NextInt(seeds.Count)] is var seed && kind == "png-deep" ? ChangeWithin(seed, rng) : ByteDamage.Some(seed, rng, from: 2), Decode);

        void Decode(byte[] file)
        {
            ImageInfo info = ImageDecoder.Identify(file, Name);
            using ImageBuffer image = PictureFile.Decode(file, Name, native);
            Assert.Equal((info.Width, info.Height), (image.Width, image.Height));
        }
    }

    private static long Pixels(byte[] file)
    {
        try
        {
            ImageInfo info = ImageDecoder.Identify(file, Name);
            return (long)info.Width * info.Height;
        }
        catch (Exception)
        {
            return 0;       // how it is refused is seen when it is decoded
        }
    }

    private static List<byte[]> Seeds(string kind) => kind switch
    {
        "png" or "png-deep" => [.. Pngs()],
        "jpeg" or "jpeg-packaged" => [.. Fixtures("web.jfif", "progressive.jpg", "cmyk.jpg"), PictureFile.ProgressiveJpeg(40), Turned(Fixtures("web.jfif")[0])],
        "webp" or "webp-packaged" => [.. Fixtures("lossless.webp", "lossy.webp"), Animated(Fixtures("lossy.webp")[0])],
        "gif" => Fixtures("palette.gif", "interlaced.gif", "anim.gif"),
        "tiff" => Fixtures("lzw.tif", "tiled.tif", "planes.tif", "palette.tif", "group4.tif", "jpeg.tif", "zip.tif", "cmyk.tif", "rgb16.tif", "bilevel.tif"),
        "bmp" => Fixtures("rgb.bmp", "rle.bmp"),
        "ico" => Fixtures("rgb.ico"),
        _ => [.. new[] { "P3\n# c\n3 2\n255\n1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n", "P6 4 2 255\n012345678901234567890123", "P5 2 2 65535\n01234567", "P2 2 2 15 1 2 3 4\n" }
            .Select(Encoding.ASCII.GetBytes)],
    };

    private static List<byte[]> Fixtures(params string[] names) => [.. names.Select(name => File.ReadAllBytes(PictureFile.Fixture(name)))];

    private static IEnumerable<byte[]> Pngs()
    {
        yield return PictureFile.Png(9, 5, 8, 2, new byte[5 * 28]);
        yield return PictureFile.Png(9, 5, 16, 6, new byte[5 * 73]);
        yield return PictureFile.Png(9, 5, 4, 0, new byte[5 * 6]);
        byte[] interlaced = PictureFile.Png(8, 8, 8, 0, new byte[79]);
        interlaced[28] = 1;
        yield return WithRightChecksums(interlaced);
        byte[] palette = PictureFile.Png(9, 5, 2, 3, new byte[5 * 4]);
        yield return [.. palette[..33], .. PictureFile.Chunk("PLTE"u8, [1, 2, 3, 4, 5, 6, 7, 8, 9]), .. palette[33..]];
    }

    private static byte[] Turned(byte[] jpeg) => [.. jpeg[..2], .. Exif.JpegSegment(Orientation.QuarterRight), .. jpeg[2..]];

    /// <summary>The picture of a WebP file as the only frame of an animation with a larger canvas.</summary>
    private static byte[] Animated(byte[] still)
    {
        byte[] picture = still[12..], vp8 = picture[8..];
        int width = BinaryPrimitives.ReadUInt16LittleEndian(vp8.AsSpan(6)), height = BinaryPrimitives.ReadUInt16LittleEndian(vp8.AsSpan(8));
        byte[] frame = [1, 0, 0, 1, 0, 0, (byte)(width - 1), 0, 0, (byte)(height - 1), 0, 0, 9, 0, 0, 0, .. picture];
        byte[] chunks = [.. "WEBPVP8X"u8, 10, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 50, 0, 0, .. "ANMF"u8, .. BitConverter.GetBytes(frame.Length), .. frame];
        return [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks];
    }

    /// <summary>Changes the header, the palette or the inflated rows of a PNG and packs it anew, so that no checksum stops the reader early.</summary>
    private static byte[] ChangeWithin(byte[] seed, Rng rng)
    {
        byte[] file = [.. seed];
        if (rng.NextInt(2) == 0)
        {
            int field = 16 + rng.NextInt(13);
            if (field < 24 && rng.NextInt(2) == 0) BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(16 + (rng.NextInt(2) * 4)), (uint)rng.NextInt(70_000));
            else file[field] = (byte)rng.NextInt(18);
        }

        int at = 33;
        while (!file.AsSpan(at + 4).StartsWith("IDAT"u8)) at += 12 + BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
        if (at > 33 && rng.NextInt(3) == 0) file[33 + 8 + rng.NextInt(9)] ^= 255;
        int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
        using ZLibStream inflate = new(new MemoryStream(file, at + 8, length), CompressionMode.Decompress);
        using MemoryStream raw = new();
        inflate.CopyTo(raw);
        using MemoryStream packed = new();
        using (ZLibStream deflate = new(packed, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(ByteDamage.Some(raw.ToArray(), rng));
        return WithRightChecksums([.. file[..at], .. PictureFile.Chunk("IDAT"u8, packed.ToArray()), .. file[(at + 12 + length)..]]);
    }

    private static byte[] WithRightChecksums(byte[] file)
    {
        for (int at = 8; at + 12 <= file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            if (length < 0 || length > file.Length - at - 12) break;
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(at + 8 + length), Crc32.Append(0, file.AsSpan(at + 4, length + 4)));
            at += 12 + length;
        }

        return file;
    }
}
