using AdaptFormer.Data;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Pillow's and torchvision's own output, kept in the fixtures; every case of both files is compared.</summary>
public sealed class TransformParityTests
{
    private static readonly (int Top, int Left, int H, int W, int OutH, int OutW)[] Crops =
        [(3, 5, 20, 30, 32, 32), (0, 0, 37, 53, 24, 24), (10, 11, 7, 9, 28, 28), (36, 52, 1, 1, 8, 8)];

    [Theory]
    [InlineData("image_transforms_small")]
    [InlineData("image_transforms_big")]
    public void Bytes_equal_Pillows(string file)
    {
        ParityCase parity = ParityCase.Open(file + ".safetensors");
        using ImageBuffer image = Image(parity, "input/image");
        int compared = 0;
        foreach (string name in parity.Names.Where(n => n.StartsWith("out/", StringComparison.Ordinal) && parity.Shape(n)[^1] == 3))
        {
            int[] shape = parity.Shape(name);
            using ImageBuffer actual = Run(image, name["out/".Length..], shape);
            Assert.Equal((shape[1], shape[0]), (actual.Width, actual.Height));
            Assert.True(actual.Pixels.SequenceEqual(Bytes(parity, name)), $"{file} {name} differs");
            compared++;
        }

        Assert.True(compared >= 5, $"only {compared} cases were found in {file}");
    }

    [Fact]
    public void Normalised_values_equal_torchvisions()
    {
        ParityCase parity = ParityCase.Open("image_transforms_small.safetensors");
        using ImageBuffer image = Image(parity, "input/image");
        PixelNormalizer imagenet = new TransformOptions().Normalizer();
        AssertFloats(parity, "out/to_tensor", image, new TransformOptions(Normalize: "none").Normalizer(), flip: false);
        AssertFloats(parity, "out/normalize_imagenet", image, imagenet, flip: false);
        AssertFloats(parity, "out/normalize_inception", image, new TransformOptions(Normalize: "inception").Normalizer(), flip: false);

        using ImageBuffer train = Resized(image, Crops[0], Interpolation.Bicubic);
        AssertFloats(parity, "out/train_pipeline_rrc0_flip", train, imagenet, flip: true);
    }

    [Fact]
    public void The_evaluation_transform_equals_torchvisions_pipeline()
    {
        ParityCase parity = ParityCase.Open("image_transforms_small.safetensors");
        using ImageBuffer image = Image(parity, "input/image");
        ImageTransform transform = ImageTransform.ForEvaluation(new TransformOptions(ImgSize: 32, EvalResize: 40));
        using ImageTransform.Scratch scratch = new();
        float[] actual = new float[transform.SampleLength];
        transform.Apply(image, new AdaptFormer.Tensors.Rng(0), actual, scratch);
        AssertClose(parity.Floats("out/eval_pipeline_40_32"), actual, "eval_pipeline_40_32");
    }

    [Fact]
    public void Crop_sizes_equal_the_authors()
    {
        ParityCase parity = ParityCase.Open("rrc_params.safetensors");
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

    private static ImageBuffer Run(ImageBuffer image, string op, int[] shape)
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
        else if (op == "resize256_centercrop224")
        {
            (int width, int height) = Framing.ShortSide(image.Width, image.Height, 256);
            resizer.Resize(image, PixelBox.Of(image), width, height, filter, Framing.CenterCrop(width, height, 224, 224), result);
        }
        else if (op.StartsWith("short_side", StringComparison.Ordinal) || op.StartsWith("resize64", StringComparison.Ordinal))
        {
            (int width, int height) = Framing.ShortSide(image.Width, image.Height, Math.Min(shape[0], shape[1]));
            resizer.Resize(image, PixelBox.Of(image), width, height, filter, result);
        }
        else if (op.StartsWith("rrc_b", StringComparison.Ordinal))
        {
            resizer.Resize(image, new PixelBox(30, 40, 120, 150), 64, 64, filter, result);
        }
        else if (op.StartsWith("rrc_", StringComparison.Ordinal))
        {
            result.Dispose();
            return Resized(image, Crops[op[4] - '0'], filter);
        }
        else
        {
            Assert.Matches("^(resize_|bicubic_|bilinear_)[0-9]+x[0-9]+", op);
            resizer.Resize(image, PixelBox.Of(image), shape[1], shape[0], filter, result);
        }

        return result;
    }

    private static ImageBuffer Resized(ImageBuffer image, (int Top, int Left, int H, int W, int OutH, int OutW) c, Interpolation filter)
    {
        ImageBuffer result = new();
        using ImageResizer resizer = new();
        resizer.Resize(image, new PixelBox(c.Left, c.Top, c.W, c.H), c.OutW, c.OutH, filter, result);
        return result;
    }

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
