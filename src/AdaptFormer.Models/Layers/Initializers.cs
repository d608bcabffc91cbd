using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>How new weights start; with <see cref="Rng.Blank"/>, as zeros.</summary>
public static class Initializers
{
    /// <summary>Uniform in ±√(6/((1 + a²)·fan_in)) with a = √5, that is ±1/√fan_in: PyTorch's default for Linear, the authors'
    /// down-projection.</summary>
    public static Parameter KaimingUniform(Rng rng, params ReadOnlySpan<int> dims)
    {
        double bound = 1 / Math.Sqrt(FanIn(dims));
        return Fill(rng, dims, () => rng.NextUniform(-bound, bound));
    }

    /// <summary>Normal with deviation √(2/fan_in): the paper's words for the down-projection.</summary>
    public static Parameter KaimingNormal(Rng rng, params ReadOnlySpan<int> dims)
    {
        double deviation = Math.Sqrt(2.0 / FanIn(dims));
        return Fill(rng, dims, () => deviation * rng.NextNormal());
    }

    /// <summary>Normal with the given deviation, drawn again beyond ±2 (absolute, as timm and PyTorch cut).</summary>
    public static Parameter TruncatedNormal(Rng rng, double deviation, params ReadOnlySpan<int> dims) => Fill(rng, dims, () =>
    {
        double value;
        do value = deviation * rng.NextNormal();
        while (Math.Abs(value) > 2);
        return value;
    });

    /// <summary>Uniform in ±√(6/(fan_in + fan_out)).</summary>
    public static Parameter XavierUniform(Rng rng, params ReadOnlySpan<int> dims)
    {
        long fanOut = dims[0];
        for (int i = 2; i < dims.Length; i++) fanOut *= dims[i];
        double bound = Math.Sqrt(6.0 / (FanIn(dims) + fanOut));
        return Fill(rng, dims, () => rng.NextUniform(-bound, bound));
    }

    private static long FanIn(ReadOnlySpan<int> dims)
    {
        long fan = 1;
        foreach (int dim in dims[1..]) fan *= dim;
        return fan;
    }

    private static Parameter Fill(Rng rng, ReadOnlySpan<int> dims, Func<double> draw)
    {
        if (rng.IsBlank) return Parameter.Zeros(dims);
        Shape shape = new(dims);
        float[] values = new float[shape.Length];
        for (int i = 0; i < values.Length; i++) values[i] = (float)draw();
        return Parameter.From(values, shape);
    }
}
