using System.Diagnostics;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Benchmarking;

/// <summary>
/// What this machine's matrix products can do: the limit that a step is held against. Measured on the four products of a ViT-B block
/// with frozen, packed weights, all cores busy, nothing else done.
/// </summary>
public static class MatMulRate
{
    private const int Rows = 16 * 197;
    private static readonly (int I, int O)[] Shapes = [(768, 2304), (768, 768), (768, 3072), (3072, 768)];

    /// <summary>The best of several rounds, in floating-point operations (two for each multiply-add) per second.</summary>
    /// <param name="type">Type of the products' inputs.</param>
    /// <param name="rounds">Rounds over the four products, at least 1.</param>
    public static double Measure(DataType type, int rounds = 8)
    {
        using TensorScope scope = new();
        double flops = 0, best = double.PositiveInfinity;
        List<(Tensor X, Parameter W, Tensor Y)> products = [];
        Rng rng = new(0);
        foreach ((int i, int o) in Shapes)
        {
            Tensor x = Tensor.Empty(new Shape(Rows, i), type);
            using Tensor values = Tensor.Full(x.Shape, 0);
            foreach (ref float value in values.Span) value = rng.NextSingle() - 0.5f;
            Backend.Current.Copy(values, x);
            Parameter w = Parameter.Full(new Shape(o, i), 0);
            foreach (ref float value in w.Span) value = rng.NextSingle() - 0.5f;
            products.Add((x, w, Tensor.Empty(new Shape(Rows, o), type)));
            flops += 2.0 * Rows * i * o;
        }

        try
        {
            for (int round = 0; round <= rounds; round++)
            {
                long start = Stopwatch.GetTimestamp();
                foreach ((Tensor x, Parameter w, Tensor y) in products) Backend.Current.Linear(x, w, null, null, 1, Tensors.Backends.Cpu.Epilogue.None, y);
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (round > 0) best = Math.Min(best, seconds);      // the first round packs the weights
            }
        }
        finally
        {
            foreach ((_, Parameter w, _) in products) w.Dispose();
        }

        return flops / best;
    }
}
