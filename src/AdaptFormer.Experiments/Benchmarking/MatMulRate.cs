using System.Diagnostics;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>
/// What this machine's matrix products can do: the limit that a step is held against. Measured on the four products of a ViT-B block
/// with frozen, packed weights, all cores busy, nothing else done.
/// </summary>
public static class MatMulRate
{
    private const int Drawn = 16, Rows = 16 * 197, HalfRows = Rows / 2 / Drawn * Drawn, FewRows = 8 * Drawn;
    private static readonly (int I, int O)[] Shapes = [(768, 2304), (768, 768), (768, 3072), (3072, 768)];

    /// <summary>The best of several rounds of each, in floating-point operations (two for each multiply-add) per second.</summary>
    /// <param name="type">Type of the products' inputs.</param>
    /// <param name="rounds">Rounds of each product, at least 1.</param>
    public static double Measure(DataType type, int rounds = 8) => Measure(type, rounds, Rows, Rows);

    /// <summary>The same from two rounds of half the rows, in a quarter of the time: for a prediction, which is only as good as its other
    /// assumptions.</summary>
    /// <param name="type">Type of the products' inputs.</param>
    public static double Estimate(DataType type) => Measure(type, 2, HalfRows, FewRows);

    private static double Measure(DataType type, int rounds, int rows, int warmUpRows)
    {
        // One shape after the other: together they would take more memory than a small model, whose peak is to be read afterwards.
        double flops = 0, seconds = 0;
        Rng rng = new(0);
        foreach ((int i, int o) in Shapes)
        {
            using TensorScope scope = new();
            Tensor x = Tensor.Empty(new Shape(rows, i), type);
            FillRandom(x, rng);
            using Parameter w = Parameter.Empty(new Shape(o, i));
            w.Update(weight => FillRandom(weight, rng));
            Tensor y = Tensor.Empty(new Shape(rows, o), type);
            double best = double.PositiveInfinity;
            // the first round packs the weights
            new LinearCall(x.View(new Shape(warmUpRows, i), 0), w, null, null, 1, Epilogue.None, y.View(new Shape(warmUpRows, o), 0)).Run();
            for (int round = 0; round < rounds; round++)
            {
                long start = Stopwatch.GetTimestamp();
                new LinearCall(x, w, null, null, 1, Epilogue.None, y).Run();
                Backend.Current.Synchronize();
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            flops += 2.0 * rows * i * o;
            seconds += best;
        }

        return flops / seconds;
    }

    /// <summary>
    /// The same few random rows again and again: a copy of all numbers in the host's memory would show in a small model's peak.
    /// </summary>
    private static void FillRandom(Tensor matrix, Rng rng)
    {
        float[] values = new float[Drawn * matrix.Shape[1]];
        foreach (ref float value in values.AsSpan()) value = rng.NextSingle() - 0.5f;
        Tensor rows = Tensor.From(values, new Shape(Drawn, matrix.Shape[1]));
        for (long at = 0; at < matrix.Length; at += rows.Length) new CopyCall(rows, matrix.View(rows.Shape, at)).Run();
    }
}
