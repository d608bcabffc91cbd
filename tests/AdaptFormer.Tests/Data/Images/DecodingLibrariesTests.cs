using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>What the packaged library makes of pictures, beside the libraries that a system may have.</summary>
public sealed class DecodingLibrariesTests
{
    public DecodingLibrariesTests() => Assert.SkipUnless(NativeImageLibraries.Describe().All(library => library.Found), "needs libturbojpeg and libwebp to compare with");

    [Theory]
    [InlineData("odd_images", 150)]
    [InlineData("imagenet_samples", 60)]
    public void The_packaged_library_gives_the_same_bytes_and_refuses_the_same_files(string set, int atLeast)
    {
        string root = SharedData.Require(set);
        List<string> wrong = [];
        string[] files = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".csv", StringComparison.Ordinal))];
        Assert.InRange(files.Length, atLeast, int.MaxValue);
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(file);
            (byte[]? with, string said) = Try(bytes, file, native: true);
            (byte[]? without, string saidToo) = Try(bytes, file, native: false);
            if (with is null != without is null) wrong.Add($"{file}: with {said}, without {saidToo}");
            else if (with is not null && !with.AsSpan().SequenceEqual(without)) wrong.Add($"{file}: other pixels, {with.Zip(without!, (a, b) => a == b ? 0 : 1).Sum()} of {with.Length}");
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void A_JPEG_with_a_changed_byte_that_TurboJPEG_refuses_is_refused_without_it()
    {
        byte[] seed = File.ReadAllBytes(PictureFile.Fixture("web.jfif"));
        Rng rng = new(11);
        for (int trial = 0; trial < 300; trial++)
        {
            byte[] file = [.. seed];
            file[2 + rng.NextInt(file.Length - 2)] = (byte)rng.NextInt(256);
            (byte[]? with, string said) = Try(file, "changed.jpg", native: true);
            (byte[]? without, _) = Try(file, "changed.jpg", native: false);
            Assert.True(without is null || with is not null, $"trial {trial}: {said}");
        }
    }

    private static (byte[]? Pixels, string Said) Try(byte[] file, string name, bool native)
    {
        try
        {
            using ImageBuffer image = PictureFile.Decode(file, name, native);
            return (image.Pixels.ToArray(), "accepted");
        }
        catch (InvalidDataException error)
        {
            Assert.StartsWith(name, error.Message);
            return (null, $"refused: {error.Message[name.Length..]}");
        }
    }
}
