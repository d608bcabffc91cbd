using System.Text.RegularExpressions;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Pillow's and torchvision's own output, kept in the fixtures; every case of both files is compared.</summary>
public sealed class TransformParityTests
{
    public static TheoryData<string> Images => ParityCase.Files("image_transforms");

    public static TheoryData<string> CropSizes => ParityCase.Files("rrc_params");

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Images))]
    public void Bytes_equal_Pillows(string file)
    {
        ParityCase parity = ParityCase.Open(file);
        using ImageBuffer image = Image(parity, "input/image");
        int compared = 0;
        foreach (string name in parity.Names.Where(n => n.StartsWith("out/", StringComparison.Ordinal) && parity.Shape(n)[^1] == 3))
        {
            int[] shape = parity.Shape(name);
            using ImageBuffer actual = Run(parity, image, name["out/".Length..], shape);
            Assert.Equal((shape[1], shape[0]), (actual.Width, actual.Height));
            Assert.True(actual.Pixels.SequenceEqual(Bytes(parity, name)), $"{file} {name} differs");
            compared++;
        }

        Assert.True(compared >= 5, $"only {compared} cases were found in {file}");
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Images))]
    public void Normalised_values_equal_torchvisions(string file)
    {
        ParityCase parity = ParityCase.Open(file);
        using ImageBuffer image = Image(parity, "input/image");
        PixelNormalizer imagenet = new PixelNormalizer(PixelStatistics.ImageNet);
        foreach (string name in parity.Names.Where(n => n.StartsWith("out/", StringComparison.Ordinal) && parity.Shape(n)[0] == 3 && parity.Shape(n)[^1] != 3))
        {
            string op = name["out/".Length..];
            if (Regex.Match(op, "^eval_pipeline_([0-9]+)_([0-9]+)$") is { Success: true } sizes)
            {
                ImageTransform transform = ImageTransform.ForEvaluation(new TransformOptions(ImgSize: Number(sizes, 2), EvalResize: Number(sizes, 1)));
                using ImageTransform.Scratch scratch = new();
                float[] actual = new float[transform.SampleLength];
                transform.Apply(image, new AdaptFormer.Tensors.Rng(0), actual, scratch);
                AssertClose(parity.Floats(name), actual, name);
            }
            else if (Regex.Match(op, "^train_pipeline_rrc([0-9]+)_flip$") is { Success: true } crop)
            {
                using ImageBuffer train = Resized(parity, image, $"rrc_{Number(crop, 1)}_bicubic", parity.Shape(name)[1..], Interpolation.Bicubic);
                AssertFloats(parity, name, train, imagenet, flip: true);
            }
            else
            {
                PixelNormalizer normalizer = op switch
                {
                    "to_tensor" => new PixelNormalizer(PixelStatistics.None),
                    "normalize_imagenet" => imagenet,
                    "normalize_inception" => new PixelNormalizer(PixelStatistics.Inception),
                    _ => throw new InvalidDataException($"{file}: {op} is not known"),
                };
                AssertFloats(parity, name, image, normalizer, flip: false);
            }
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(CropSizes))]
    public void Crop_sizes_equal_the_authors(string file)
    {
        ParityCase parity = ParityCase.Open(file);
        double[] draws = parity.Doubles("input/width_height_area_frac_log_ratio");
        int[] expected = parity.Ints("out/crop_w_h");
        Assert.NotEmpty(expected);
        for (int i = 0; i < expected.Length / 2; i++)
        {
            (int imageWidth, int imageHeight) = ((int)draws[i * 4], (int)draws[(i * 4) + 1]);
            (int w, int h) = RandomResizedCrop.Size(imageWidth, imageHeight, draws[(i * 4) + 2], draws[(i * 4) + 3]);
            Assert.Equal((expected[i * 2], expected[(i * 2) + 1]), (Math.Min(w, imageWidth), Math.Min(h, imageHeight)));
        }
    }

    private static ImageBuffer Image(ParityCase parity, string name)
    {
        int[] shape = parity.Shape(name);
        ImageBuffer image = new(shape[1], shape[0]);
        Bytes(parity, name).CopyTo(image.Pixels);
        return image;
    }

    private static byte[] Bytes(ParityCase parity, string name) => [.. parity.Ints(name).Select(v => (byte)v)];

    private static ImageBuffer Run(ParityCase parity, ImageBuffer image, string op, int[] shape)
    {
        Interpolation filter = op.Contains("bilinear", StringComparison.Ordinal) ? Interpolation.Bilinear : Interpolation.Bicubic;
        ImageBuffer result = new();
        using ImageResizer resizer = new();
        if (op == "hflip")
        {
            result.CopyFrom(image);
            Mirror(result);
        }
        else if (op.StartsWith("center_crop", StringComparison.Ordinal))
        {
            Framing.Crop(image, Framing.CenterCrop(image.Width, image.Height, shape[1], shape[0]), result);
        }
        else if (Regex.Match(op, "^resize([0-9]+)_centercrop([0-9]+)$") is { Success: true } sizes)
        {
            (int width, int height) = Framing.ShortSide(image.Width, image.Height, Number(sizes, 1));
            resizer.Resize(image, PixelBox.Of(image), width, height, filter, Framing.CenterCrop(width, height, Number(sizes, 2), Number(sizes, 2)), result);
        }
        else if (Regex.IsMatch(op, "^(short_side_|resize[0-9])"))
        {
            (int width, int height) = Framing.ShortSide(image.Width, image.Height, Math.Min(shape[0], shape[1]));
            resizer.Resize(image, PixelBox.Of(image), width, height, filter, result);
        }
        else if (op.StartsWith("rrc_", StringComparison.Ordinal))
        {
            result.Dispose();
            return Resized(parity, image, op, shape, filter);
        }
        else
        {
            Assert.Matches("^(resize_|bicubic_|bilinear_)[0-9]+x[0-9]+", op);
            resizer.Resize(image, PixelBox.Of(image), shape[1], shape[0], filter, result);
        }

        return result;
    }

    /// <summary>The crop that the file describes for <paramref name="op"/> (top, left, height, width), resized to [height, width] of <paramref name="shape"/>.</summary>
    private static ImageBuffer Resized(ParityCase parity, ImageBuffer image, string op, int[] shape, Interpolation filter)
    {
        string description = parity.Config.GetProperty("ops").GetProperty(op).GetString()!;
        Match crop = Regex.Match(description, "crop \\((?:top=)?([0-9]+), ?(?:left=)?([0-9]+), ?(?:h=)?([0-9]+), ?(?:w=)?([0-9]+)\\)");
        Assert.True(crop.Success, $"{op}: '{description}' names no crop");
        ImageBuffer result = new();
        using ImageResizer resizer = new();
        resizer.Resize(image, new PixelBox(Number(crop, 2), Number(crop, 1), Number(crop, 4), Number(crop, 3)), shape[1], shape[0], filter, result);
        return result;
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value);

    private static void Mirror(ImageBuffer image)
    {
        // The product mirrors while it normalises; with mean 0 and deviation 1/255 that shows the bytes themselves.
        float[] chw = new float[3 * image.Width * image.Height];
        new PixelNormalizer([0, 0, 0], [1, 1, 1]).ToChw(image, flip: true, chw);
        int plane = image.Width * image.Height;
        for (int i = 0; i < plane; i++)
        {
            for (int c = 0; c < 3; c++) image.Pixels[(i * 3) + c] = (byte)MathF.Round(chw[(c * plane) + i] * 255);
        }
    }

    private static void AssertFloats(ParityCase parity, string name, ImageBuffer image, PixelNormalizer normalizer, bool flip)
    {
        float[] actual = new float[3 * image.Width * image.Height];
        normalizer.ToChw(image, flip, actual);
        AssertClose(parity.Floats(name), actual, name);
    }

    private static void AssertClose(float[] expected, float[] actual, string name)
    {
        Assert.Equal(expected.Length, actual.Length);
        float worst = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(worst <= 1e-6f, $"{name}: largest difference {worst}");
    }
}
