using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using AdaptFormer.Data;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>
/// Damaged pictures of every format, made from good ones by a seeded generator: each is decoded, or refused by name with
/// <see cref="InvalidDataException"/>; none takes long, and none more memory than three times its pixels and 16 MB. The environment
/// variable ADAPTFORMER_FUZZ gives the number of files, spread evenly over the kinds; without it there are a few of each.
/// </summary>
public sealed class PictureFuzzTests(ITestOutputHelper output)
{
    private const int DefaultFilesPerKind = 120;
    private const long FreeAllocation = 16 << 20, BytesPerPixel = 3;
    private static readonly TimeSpan SlowFile = TimeSpan.FromSeconds(2);
    private static readonly string[] Kinds =
        ["png", "png-deep", "jpeg", "jpeg-packaged", "webp", "webp-packaged", "gif", "tiff", "bmp", "ico", "pnm"];

    private static readonly byte[][] Extremes =
        [[0, 0], [0xFF, 0xFF], [0xFF, 0x7F], [0, 0x80], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], [0xFF, 0xD9], [0xFF, 0xDA]];

    public static TheoryData<string> AllKinds => [.. Kinds];

    [Theory]
    [MemberData(nameof(AllKinds))]
    public void Damaged_pictures_are_decoded_or_refused_cleanly_quickly_and_frugally(string kind)
    {
        bool native = !kind.EndsWith("-packaged", StringComparison.Ordinal);
        if (kind == "jpeg") Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg, "libturbojpeg is not installed.");
        if (kind == "webp") Assert.SkipUnless(NativeImageLibraries.HasWebP, "libwebp is not installed.");
        bool isLongRun = int.TryParse(Environment.GetEnvironmentVariable("ADAPTFORMER_FUZZ"), out int total);
        int count = isLongRun ? total / Kinds.Length : DefaultFilesPerKind, decoded = 0;
        List<byte[]> seeds = Seeds(kind);
        foreach (byte[] seed in seeds) Assert.True(Try(seed, native, $"{kind}, a sound file").Decoded);

        TimeSpan slowest = TimeSpan.Zero;
        long most = 0, workingSet = Environment.WorkingSet;
        for (int i = 0; i < count; i++)
        {
            Rng rng = new Rng(41).Derive(Array.IndexOf(Kinds, kind), i);
            byte[] seed = seeds[rng.NextInt(seeds.Count)], file = kind == "png-deep" ? ChangeWithin(seed, rng) : Change(seed, rng);
            string what = $"{kind}, file {i}";
            (bool good, TimeSpan took, long taken) = Try(file, native, what);
            // A busy machine may pause any one try for long, but not the same file three times in a row.
            for (int again = 0; again < 2 && took > SlowFile; again++) took = Try(file, native, what).Took;
            Assert.True(took <= SlowFile, $"{what} took {took}: {Convert.ToBase64String(file)}");
            if (good) decoded++;
            slowest = took > slowest ? took : slowest;
            most = Math.Max(most, taken);
        }

        output.WriteLine($"{kind}: {decoded} decoded, {count - decoded} refused; slowest {slowest.TotalMilliseconds:F0} ms; at most {most / 1024} KiB allocated");
        Assert.InRange(decoded, 1, count - 1);
        if (isLongRun) Assert.InRange(Environment.WorkingSet - workingSet, long.MinValue, 1L << 30);
    }

    private static (bool Decoded, TimeSpan Took, long Taken) Try(byte[] file, bool native, string what)
    {
        const string Name = "spoilt.file";
        bool decoded = false;
        long bound = FreeAllocation, before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        try
        {
            ImageInfo info = ImageDecoder.Identify(file, Name);
            bound += 3 * BytesPerPixel * info.Width * info.Height;
            using ImageBuffer image = PictureFile.Decode(file, Name, native);
            decoded = true;
            Assert.Equal((info.Width, info.Height), (image.Width, image.Height));
        }
        catch (InvalidDataException refused)
        {
            Assert.StartsWith(Name, refused.Message);
            Assert.InRange(refused.Message.Length, Name.Length + 10, 1000);
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            throw new InvalidOperationException($"{what}: {e.GetType().Name} instead of a clean refusal. {Convert.ToBase64String(file)}", e);
        }

        TimeSpan took = Stopwatch.GetElapsedTime(start);
        long taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(taken <= bound, $"{what} allocated {taken} bytes, {bound} are allowed: {Convert.ToBase64String(file)}");
        return (decoded, took, taken);
    }

    private static List<byte[]> Seeds(string kind) => kind switch
    {
        "png" or "png-deep" => [.. Pngs()],
        "jpeg" or "jpeg-packaged" => [.. Fixtures("web.jfif", "progressive.jpg", "cmyk.jpg"), PictureFile.ProgressiveJpeg(40)],
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

    /// <summary>The picture of a WebP file as the only frame of an animation with a larger canvas.</summary>
    private static byte[] Animated(byte[] still)
    {
        byte[] picture = still[12..], vp8 = picture[8..];
        int width = BinaryPrimitives.ReadUInt16LittleEndian(vp8.AsSpan(6)), height = BinaryPrimitives.ReadUInt16LittleEndian(vp8.AsSpan(8));
        byte[] frame = [1, 0, 0, 1, 0, 0, (byte)(width - 1), 0, 0, (byte)(height - 1), 0, 0, 9, 0, 0, 0, .. picture];
        byte[] chunks = [.. "WEBPVP8X"u8, 10, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 50, 0, 0, .. "ANMF"u8, .. BitConverter.GetBytes(frame.Length), .. frame];
        return [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks];
    }

    /// <summary>One to four changes, half of them near the start, where the headers are; the magic bytes stay.</summary>
    private static byte[] Change(byte[] seed, Rng rng)
    {
        byte[] file = [.. seed];
        for (int i = 1 + rng.NextInt(4); i > 0 && file.Length > 8; i--)
        {
            int from = 2, to = rng.NextInt(2) == 0 ? Math.Min(64, file.Length) : file.Length, at = from + rng.NextInt(to - from);
            int length = Math.Min(1 + rng.NextInt(rng.NextInt(4) == 0 ? 64 : 8), file.Length - at), other = rng.NextInt(file.Length - length + 1);
            byte[] extreme = Extremes[rng.NextInt(Extremes.Length)];
            switch (rng.NextInt(8))
            {
                case 0: file[at] ^= (byte)(1 << rng.NextInt(8)); break;
                case 1: file[at] = (byte)rng.NextInt(256); break;
                case 2: extreme.AsSpan(0, Math.Min(extreme.Length, file.Length - at)).CopyTo(file.AsSpan(at)); break;
                case 3: file.AsSpan(other, length).ToArray().CopyTo(file, at); break;
                case 4: file = [.. file[..at], .. file.AsSpan(other, length), .. file[at..]]; break;
                case 5: file = [.. file[..at], .. file[(at + length)..]]; break;
                case 6 when rng.NextInt(3) == 0: file = file[..at]; break;
                default: file[at] = (byte)(file[at] + rng.NextInt(5) - 2); break;
            }
        }

        return file;
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
        using (ZLibStream deflate = new(packed, CompressionLevel.Fastest, leaveOpen: true)) deflate.Write(Change(raw.ToArray(), rng));
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
