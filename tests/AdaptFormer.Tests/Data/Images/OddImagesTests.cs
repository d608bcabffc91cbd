using System.Security.Cryptography;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>167 valid and damaged files with what Pillow made of each.</summary>
public sealed class OddImagesTests
{
    /// <summary>Files that Pillow reads and we refuse, each for its reason.</summary>
    private static readonly Dictionary<string, string> RefusedOnPurpose = new()
    {
        ["jpeg/mjpeg.jpg"] = "bytes are missing between two restart markers; Pillow hides the decoder's warning",
        ["jpeg/progressive-missing-dc.jpg"] = "the scan with the means is missing; Pillow shows plain gray",
        ["jpeg_corrupt/its_1cbb1bb37d62c44f67374cd451643dc4.jpg"] = "the data end early; Pillow shows the decoder's filling",
        ["jpeg_corrupt/its_8a9cc8eeed66aeb423a91c44111d9450.jpg"] = "two frame headers",
        ["jpeg_corrupt/subtract-with-overflow.jpg"] = "a scan ends early and 956 bytes of it are lost",
        ["png_corrupt/pillow_broken_data_stream.png"] = "a wrong checksum and broken data; Pillow shows part of it",
        ["png_corrupt/xcsn0g01.png"] = "a wrong checksum in IDAT, made to be refused; Pillow does not check it",
    };

    /// <summary>16-bit gray: Pillow's RGB clips it to white, so the manifest divides by 257 instead; the upper 8 bits that we keep differ from that by less than 1.</summary>
    private const string Gray16 = "I";

    /// <summary>16-bit gray whose values all lie below 256, so the manifest did not divide them; as 16-bit values they are black, and so they are read.</summary>
    private const string NearlyBlack = "png/pillow_i_trns.png";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_file_is_accepted_or_refused_as_its_manifest_says(bool native)
    {
        if (native) Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg && NativeImageLibraries.HasWebP, "libturbojpeg or libwebp is not installed.");
        string root = SharedData.Require("odd_images");
        List<string> wrong = [];
        int seen = 0;
        foreach (string[] row in Rows(root))
        {
            seen++;
            string file = row[0];
            bool expected = row[3] == "ok" && !RefusedOnPurpose.ContainsKey(file);
            string path = Path.Combine(root, file);
            try
            {
                ImageInfo info = ImageDecoder.Identify(path);
                using ImageBuffer image = PictureFile.Decode(File.ReadAllBytes(path), path, native);
                if (!expected) wrong.Add($"{file}: accepted");
                else if ((image.Width, image.Height) != (int.Parse(row[6]), int.Parse(row[7])) || (info.Width, info.Height) != (image.Width, image.Height)) wrong.Add($"{file}: size {image.Width}x{image.Height}, header {info}");
                else if (file == NearlyBlack) Assert.Equal(-1, image.Pixels.IndexOfAnyExcept((byte)0));
                else if (Differs(image, row, row[5] == Gray16 ? 1 : 0.0051, out string means)) wrong.Add($"{file}: {means}");
            }
            catch (InvalidDataException error)
            {
                Assert.Contains(path, error.Message);
                if (expected) wrong.Add($"{file}: refused, {error.Message[path.Length..]}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        Assert.Equal(167, seen);
        Assert.Empty(RefusedOnPurpose.Keys.Except(Rows(root).Where(row => row[3] == "ok").Select(row => row[0])));
    }

    [Fact]
    public void The_files_are_those_of_the_manifest()
    {
        string root = SharedData.Require("odd_images");
        Assert.All(Rows(root), row => Assert.Equal(row[2], Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(root, row[0]))))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_cut_short_anywhere_is_decoded_or_refused_and_nothing_else(bool native)
    {
        if (native) Assert.SkipUnless(NativeImageLibraries.HasTurboJpeg && NativeImageLibraries.HasWebP, "libturbojpeg or libwebp is not installed.");
        string root = SharedData.Require("odd_images");
        Rng rng = new(3);
        int refused = 0, tried = 0;
        foreach (string[] row in Rows(root))
        {
            byte[] file = File.ReadAllBytes(Path.Combine(root, row[0]));
            for (int i = 0; i < 4 && file.Length > 0; i++, tried++)
            {
                try
                {
                    PictureFile.Decode(file.AsSpan(0, rng.NextInt(file.Length)), row[0], native).Dispose();
                }
                catch (InvalidDataException error)
                {
                    refused++;
                    Assert.Contains(row[0], error.Message);
                }
            }
        }

        Assert.InRange(refused, tried * 9 / 10, tried);
    }

    private static bool Differs(ImageBuffer image, string[] row, double tolerance, out string means)
    {
        double[] sums = new double[3];
        Span<byte> pixels = image.Pixels;
        for (int i = 0; i < pixels.Length; i++) sums[i % 3] += pixels[i];
        double[] actual = [.. sums.Select(s => s / (image.Width * image.Height))], expected = [.. row[10..13].Select(double.Parse)];
        means = $"means {string.Join(' ', actual.Select(a => a.ToString("F2")))}, expected {string.Join(' ', expected)}";
        return actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max() > tolerance;
    }

    private static IEnumerable<string[]> Rows(string root)
    {
        foreach ((_, string[] fields) in CsvReader.Read(Path.Combine(root, "manifest.csv")).Skip(1)) yield return fields;
    }
}
