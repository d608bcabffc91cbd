using AdaptFormer.Data.Images;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Onnx;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using Microsoft.ML.OnnxRuntime;
using Xunit;

namespace AdaptFormer.Tests.Export;

/// <summary>Exports a model, runs the file in ONNX Runtime and holds the answers against the model's.</summary>
internal static class OnnxTrial
{
    /// <summary>Skips the test, and says so, where ONNX Runtime's native library cannot be loaded.</summary>
    public static void RequireRuntime() => Assert.SkipUnless(OnnxRuntimeLibrary.IsAvailable, "ONNX Runtime's native library cannot be loaded here.");

    /// <summary>One thread: tests of tiny models run beside others.</summary>
    public static void Alone(SessionOptions options) => (options.IntraOpNumThreads, options.InterOpNumThreads) = (1, 1);

    /// <summary>A predictor that owns nothing, with numbers as labels.</summary>
    public static Predictor Predictor(Backbone model, Preprocessing? pictures = null) =>
        new(model, [.. Enumerable.Range(0, model.Head!.Classes).Select(k => $"class {k}")], pictures ?? Preprocessing.ImageNet(model.InputShape[^1]));

    /// <summary>The largest difference between the model's logits and those of its file, for random input in batches of these sizes.</summary>
    public static double Difference(Backbone model, OnnxModel file, params int[] batches)
    {
        double worst = 0;
        foreach (int batch in batches)
        {
            using TensorScope scope = new();
            Shape shape = new([batch, .. model.InputShape]);
            float[] pixels = new float[shape.Length];
            Rng rng = new(batch);
            foreach (ref float value in pixels.AsSpan()) value = (float)rng.NextNormal();
            float[] ours = model.Forward(Tensor.From(pixels, shape)).ToArray(), theirs = file.Run(pixels, [.. shape])[OnnxNames.Logits];
            Assert.Equal(ours.Length, theirs.Length);
            for (int i = 0; i < ours.Length; i++) worst = Math.Max(worst, double.IsNaN(theirs[i]) ? double.PositiveInfinity : Math.Abs(ours[i] - theirs[i]));
        }

        return worst;
    }

    /// <summary>Exports the model without preprocessing and returns the largest difference.</summary>
    public static double Difference(Backbone model, TestFolder folder, OnnxOptions options, params int[] batches)
    {
        string path = folder.PathOf($"{Guid.NewGuid():N}.onnx");
        using Predictor predictor = Predictor(model);
        OnnxExporter.Save(path, predictor, options);
        using OnnxModel file = OnnxModel.Open(path, Alone);
        file.CheckAnswer();
        return Difference(model, file, batches);
    }

    /// <summary>A picture of noise with edges.</summary>
    public static ImageBuffer Picture(int width, int height, int seed)
    {
        ImageBuffer picture = new(width, height);
        Rng rng = new(seed);
        for (int i = 0; i < picture.Pixels.Length; i++)
            picture.Pixels[i] = (byte)(i / 3 % 11 < 5 ? rng.NextInt(256) : (i / 3 % width * 255 / width));
        return picture;
    }
}
