using System.Globalization;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Synthetic;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Data.Transforms.Augment;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class AugmentTests
{
    private static readonly (byte, byte, byte) Fill = (124, 116, 104);

    [Fact]
    public void Adding_to_dark_values_ends_at_white()
    {
        using ImageBuffer image = new(1, 1);
        foreach ((byte value, byte expected) in ((byte, byte)[])[(0, 200), (55, 255), (56, 255), (127, 255), (128, 128)])
        {
            image.Pixels.Fill(value);
            PixelOps.SolarizeAdd(image, 200);
            Assert.All(image.Pixels.ToArray(), pixel => Assert.Equal(expected, pixel));
        }
    }

    /// <summary>Fixtures/pillow/ops.safetensors holds a picture of 13 × 17 and what Pillow 9.4's ImageOps, ImageEnhance, rotate and transform make of it, under operation:argument.</summary>
    [Fact]
    public void Every_operation_is_Pillows_to_the_last_bit()
    {
        using WeightsFile file = WeightsFile.Open(Path.Combine(AppContext.BaseDirectory, "Fixtures", "pillow", "ops.safetensors"));
        using ImageBuffer input = Read(file, "input"), image = new(), other = new();
        int cases = 0;
        foreach (string name in file.Entries.Keys.Where(name => name != "input"))
        {
            string[] parts = name.Split(':');
            double argument = parts.Length > 1 ? double.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
            image.CopyFrom(input);
            Apply(parts[0], argument, image, other);
            using ImageBuffer expected = Read(file, name);
            int wrong = image.Pixels.ToArray().Zip(expected.Pixels.ToArray()).Count(pair => pair.First != pair.Second);
            Assert.True(wrong == 0, $"{name}: {wrong} of {image.Pixels.Length} values differ");
            cases++;
        }

        Assert.True(cases >= 45, $"{cases} cases");
    }

    [Fact]
    public void Augmentation_depends_on_the_sample_s_stream_alone_and_changes_pictures()
    {
        TransformOptions options = new(32, EvalResize: 0, ColorJitter: new ColorJitter(0.4, 0.4, 0.4, 0.1), RandAugment: new RandAugment(), Erase: 0.5);
        ImageTransform transform = ImageTransform.ForTraining(options), plain = ImageTransform.ForTraining(options with { ColorJitter = null, RandAugment = null, Erase = 0 });
        Assert.False(transform.IsDeterministic);
        SyntheticScenes scenes = new(40, seed: 1);
        float[][] Epoch(int workers, ImageTransform with)
        {
            using DataLoader loader = new(scenes, with, new LoaderOptions(8, Workers: workers, Seed: 3));
            List<float[]> batches = [];
            foreach (Batch loaded in loader.Epoch(2))
            {
                using Batch batch = loaded;
                batches.Add(batch.Pixels.ToArray());
            }

            return [.. batches];
        }

        float[][] one = Epoch(1, transform);
        Assert.Equal(one, Epoch(4, transform));
        Assert.NotEqual(one, Epoch(1, plain));
        Assert.All(one, batch => Assert.All(batch, value => Assert.True(float.IsFinite(value))));
    }

    [Fact]
    public void Erasing_fills_one_rectangle_of_bounded_size_with_noise()
    {
        int erased = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            float[] chw = new float[3 * 20 * 24];
            PixelBox box = RandomErasing.Apply(chw, 24, 20, 0.5, new Rng(seed));
            Assert.Equal(3 * box.Width * box.Height, chw.Count(value => value != 0));
            if (box.Width == 0) continue;
            erased++;
            Assert.True(box.FitsIn(24, 20));
            Assert.InRange(box.Width * box.Height, 0.01 * 480, 0.4 * 480);
        }

        Assert.InRange(erased, 65, 135);         // five deviations of 200 fair draws
    }

    [Theory]
    [InlineData(0.8, 0, 5)]
    [InlineData(0, 1, 4)]
    [InlineData(0.8, 1, 6)]
    public void Mixed_batches_follow_their_definition(double mixup, double cutmix, int count)
    {
        const int Width = 8, Height = 6, Length = 2 * Width * Height;
        MixOptions options = new(mixup, cutmix);
        HashSet<bool> kinds = [];
        for (int seed = 0; seed < 50; seed++)
        {
            float[] x = [.. Enumerable.Range(0, count * Length).Select(i => (float)i)], mixed = [.. x];
            int[] labels = [.. Enumerable.Range(0, count)];
            BatchMix mix = BatchMix.Draw(options, Width, Height, new Rng(seed));
            kinds.Add(mix.Box is not null);
            mix.Apply(mixed, count, Width, Height);
            double stayed = Enumerable.Range(0, Length).Count(at => mixed[at] == x[at]) / (double)Length;
            if (mix.Box is not null) Assert.Equal(stayed, mix.Lambda, 9);        // the share of pixels that stayed, not the one drawn
            for (int i = 0; i < x.Length; i++)
            {
                int sample = i / Length, at = i % Length, column = at % Width, row = at / Width % Height;
                float partner = x[((count - 1 - sample) * Length) + at];
                float expected = mix.Box is { } box
                    ? column >= box.Left && column < box.Left + box.Width && row >= box.Top && row < box.Top + box.Height ? partner : x[i]
                    : (float)((mix.Lambda * x[i]) + ((1 - mix.Lambda) * partner));
                Assert.True(Math.Abs(expected - mixed[i]) <= 1e-3, $"seed {seed}, value {i}: {mixed[i]}, expected {expected}");
            }

            float[] targets = mix.Targets(labels, [], count);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(i == count - 1 - i ? 1 : mix.Lambda, targets[(i * count) + i], 5);
                Assert.Equal(1, targets.AsSpan(i * count, count).ToArray().Sum(), 5);
            }
        }

        Assert.Equal((mixup > 0 ? 1 : 0) + (cutmix > 0 ? 1 : 0), kinds.Count);
    }

    [Fact]
    public void The_share_of_mixup_has_the_moments_of_its_beta_distribution()
    {
        double[] draws = [.. Enumerable.Range(0, 4000).Select(seed => BatchMix.Draw(new MixOptions(Mixup: 0.8), 8, 8, new Rng(seed)).Lambda)];
        double mean = draws.Average(), variance = draws.Average(d => (d - mean) * (d - mean));
        Assert.InRange(mean, 0.47, 0.53);
        Assert.InRange(variance, (1 / (4 * 2.6)) - 0.01, (1 / (4 * 2.6)) + 0.01);       // Beta(α, α): 1/(4(2α + 1))
    }

    [Fact]
    public void The_rectangle_of_cutmix_has_the_picture_s_proportions_and_any_place()
    {
        // CutMix, arXiv:1905.04899, equation 4: sides of √(1 − λ) of the picture's, centred anywhere, cut off at its edges.
        const int Width = 400, Height = 200;
        PixelBox[] boxes = [.. Enumerable.Range(0, 2000).Select(seed => BatchMix.Draw(new MixOptions(Cutmix: 1), Width, Height, new Rng(seed)).Box!.Value)];
        PixelBox[] whole = [.. boxes.Where(box => box is { Left: > 0, Top: > 0 } && box.Left + box.Width < Width && box.Top + box.Height < Height)];
        Assert.All(whole, box => Assert.InRange(box.Width - (2 * box.Height), -4, 4));

        // λ is even for α = 1, so a side s has the density 2s, and fits in both ways with the probability (1 − s)²: ∫ 2s(1 − s)² ds = 1/6.
        Assert.InRange(whole.Length / 2000.0, (1 / 6.0) - 0.04, (1 / 6.0) + 0.04);
        Assert.InRange(boxes.Average(box => box.Left + (box.Width / 2.0)), 190, 210);
        Assert.InRange(boxes.Average(box => box.Top + (box.Height / 2.0)), 95, 105);
    }

    [Fact]
    public void Color_jitter_draws_both_directions_evenly_and_within_its_bounds()
    {
        // A grey picture's brightness is the factor itself; a red one's hue tells how far the circle was turned.
        double[] factors = [.. Draws(new ColorJitter(Brightness: 0.5), (100, 100, 100)).Select(pixel => pixel.R / 100.0)];
        Assert.InRange(factors.Min(), 0.49, 0.52);
        Assert.InRange(factors.Max(), 1.48, 1.51);
        Assert.InRange(factors.Average(), 0.975, 1.025);

        (byte R, byte G, byte B)[] hues = [.. Draws(new ColorJitter(Hue: 0.1), (200, 20, 20))];
        Assert.InRange(hues.Count(pixel => pixel.G > pixel.B) / (double)hues.Length, 0.45, 0.55);       // towards yellow, towards magenta
        Assert.InRange(hues.Max(pixel => pixel.G), 120, 130);                                             // a tenth of the circle: 0.6 of the way
        Assert.InRange(hues.Max(pixel => pixel.B), 120, 130);

        // Contrast and saturation leave one grey pixel alone; on two pixels and on a colour they spread from 1 − c to 1 + c.
        double[] spread = [.. Draws(new ColorJitter(Saturation: 0.5), (150, 100, 100)).Select(pixel => (pixel.R - pixel.G) / 50.0)];
        Assert.InRange(spread.Min(), 0.48, 0.54);
        Assert.InRange(spread.Max(), 1.46, 1.52);
        Assert.InRange(spread.Average(), 0.97, 1.03);

        static IEnumerable<(byte R, byte G, byte B)> Draws(ColorJitter jitter, (byte R, byte G, byte B) color)
        {
            for (int seed = 0; seed < 2000; seed++)
            {
                using ImageBuffer image = new(1, 1);
                (image.Pixels[0], image.Pixels[1], image.Pixels[2]) = color;
                jitter.Apply(image, new Rng(seed));
                yield return (image.Pixels[0], image.Pixels[1], image.Pixels[2]);
            }
        }
    }

    [Fact]
    public void Rand_augment_does_each_operation_half_of_the_time_and_draws_every_one_evenly()
    {
        const int Draws = 3000;
        const double Level = 0.5;
        byte[] before = [.. Enumerable.Range(0, 3 * 9 * 8).Select(i => (byte)(40 + (i * 37 % 150)))];
        using ImageBuffer image = new(9, 8), scratch = new();

        // How often each result is due: half of the draws change nothing, the rest is shared by the operations and their two directions.
        Dictionary<string, double> due = new() { [Convert.ToHexString(before)] = Draws / 2.0 };
        foreach (RandAugment.Op op in Enum.GetValues<RandAugment.Op>())
        {
            foreach (bool negative in new[] { false, true })
            {
                string result = Changed(() => RandAugment.Apply(op, image, Level, negative, false, Fill, scratch));
                due[result] = due.GetValueOrDefault(result) + (Draws / 4.0 / RandAugment.OpCount);
            }
        }

        Assert.True(due.Count > 20, $"{due.Count} results");
        RandAugment augment = new(Layers: 1, Magnitude: 10 * Level, Std: 0);
        Dictionary<string, int> seen = Enumerable.Range(0, Draws)
            .CountBy(seed => Changed(() => augment.Apply(image, new Rng(seed), bicubic: false, Fill, scratch))).ToDictionary();
        Assert.Equal(due.Keys.Order(), seen.Keys.Order());
        Assert.All(due, entry => Assert.InRange(Math.Abs(seen[entry.Key] - entry.Value), 0, 5 * Math.Sqrt(entry.Value)));

        string Changed(Action change)
        {
            before.CopyTo(image.Pixels);
            change();
            return Convert.ToHexString(image.Pixels);
        }
    }

    [Fact]
    public void Half_of_the_pictures_are_mirrored()
    {
        ImageTransform transform = ImageTransform.ForTraining(new TransformOptions(2, EvalResize: 2, Crop: TrainCrop.Stretch, Flip: true));
        using ImageTransform.Scratch scratch = new();
        using ImageBuffer image = new(2, 2);
        image.Pixels[0] = 255;                  // red on the left
        int mirrored = 0;
        float[] chw = new float[12];
        for (int seed = 0; seed < 2000; seed++)
        {
            transform.Apply(image, new Rng(seed), chw, scratch);
            if (chw[1] > chw[0]) mirrored++;
        }

        Assert.InRange(mirrored, 900, 1100);
    }

    private static void Apply(string op, double argument, ImageBuffer image, ImageBuffer other)
    {
        switch (op)
        {
            case "posterize": PixelOps.Posterize(image, (int)argument); return;
            case "solarize": PixelOps.Solarize(image, (int)argument); return;
            case "autocontrast": PixelOps.AutoContrast(image); return;
            case "equalize": PixelOps.Equalize(image); return;
            case "invert": PixelOps.Solarize(image, 0); return;
            case "color": PixelOps.Color(image, (float)argument); return;
            case "contrast": PixelOps.Contrast(image, (float)argument); return;
            case "brightness": PixelOps.Brightness(image, (float)argument); return;
            case "sharpness": PixelOps.Sharpness(image, (float)argument, other); return;
            case "hue": PixelOps.Hue(image, argument); return;
        }

        AffineWarp warp = op[..op.LastIndexOf('_')] switch
        {
            "rotate" => AffineWarp.Rotation(argument, image.Width, image.Height),
            "shear_x" => AffineWarp.ShearX(argument),
            "shear_y" => AffineWarp.ShearY(argument),
            "shift_x" => AffineWarp.Shift(argument, 0),
            "shift_y" => AffineWarp.Shift(0, argument),
            _ => throw new InvalidOperationException(op),
        };
        other.CopyFrom(image);
        warp.Apply(other, image, op.EndsWith("bicubic", StringComparison.Ordinal), Fill);
    }

    private static ImageBuffer Read(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        ImageBuffer image = new(entry.Shape[1], entry.Shape[0]);
        for (int i = 0; i < values.Length; i++) image.Pixels[i] = (byte)values[i];
        return image;
    }
}
