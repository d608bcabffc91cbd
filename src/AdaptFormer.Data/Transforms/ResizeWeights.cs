namespace AdaptFormer.Data.Transforms;

/// <summary>
/// Which input samples each output sample of one axis is made of, and with which fixed-point weights (22 fractional bits).
/// Computed as Pillow does, in double, so that results are equal to the last bit.
/// </summary>
internal sealed class ResizeWeights
{
    /// <summary>Fractional bits: 32 less 8 of the pixel and 2 for the overshoot of the negative lobes.</summary>
    public const int FractionBits = 22;

    private (int In, int Out, int Start, int Count, Interpolation Filter) _key;
    private double[] _weights = [];

    /// <summary>
    /// Where each output sample's weights begin. Never so late that <see cref="Taps"/> weights reach more than 3 samples past the end.
    /// </summary>
    public int[] First { get; private set; } = [];

    /// <summary>Weights, [Count, <see cref="Taps"/>], zero where a sample does not count.</summary>
    public int[] Fixed { get; private set; } = [];

    /// <summary>The same weights, each four times (one per byte of a pixel and its neighbour), [Count, <see cref="Taps"/>, 4].</summary>
    public int[] PerChannel { get; private set; } = [];

    /// <summary>Weights per output sample, a multiple of 4.</summary>
    public int Taps { get; private set; }

    /// <summary>The last input sample with a weight, plus one.</summary>
    public int End { get; private set; }

    /// <summary>
    /// Prepares the outputs [<paramref name="start"/>, start + <paramref name="count"/>) of resizing <paramref name="sizeIn"/> samples to
    /// <paramref name="sizeOut"/>.
    /// </summary>
    public void Prepare(int sizeIn, int sizeOut, int start, int count, Interpolation filter)
    {
        var key = (sizeIn, sizeOut, start, count, filter);
        if (_key == key) return;
        _key = key;

        double scale = (double)sizeIn / sizeOut, filterScale = Math.Max(scale, 1), support = Support(filter) * filterScale;
        Reserve(start, count, scale, support, sizeIn);
        End = 0;
        for (int i = 0; i < count; i++)
        {
            double center = (start + i + 0.5) * scale;
            (int first, int taps) = Window(center, support, sizeIn);
            First[i] = Math.Min(first, Math.Max(0, sizeIn - Taps));
            End = Math.Max(End, first + taps);
            SetWeights(i, first - First[i], taps, first - center + 0.5, 1 / filterScale, filter);
        }
    }

    private static (int First, int Taps) Window(double center, double support, int sizeIn)
    {
        int first = Math.Max(0, (int)(center - support + 0.5));
        return (first, Math.Min(sizeIn, (int)(center + support + 0.5)) - first);
    }

    private void Reserve(int start, int count, double scale, double support, int sizeIn)
    {
        int most = 1;
        for (int i = start; i < start + count; i++) most = Math.Max(most, Window((i + 0.5) * scale, support, sizeIn).Taps);
        Taps = (most + 3) / 4 * 4;

        int needed = checked(count * Taps * 4) / 4;
        if (First.Length < count) First = new int[count];
        if (_weights.Length < Taps) _weights = new double[Taps];
        if (Fixed.Length >= needed) return;
        Fixed = new int[needed];
        PerChannel = new int[needed * 4];
    }

    private void SetWeights(int output, int skip, int taps, double offset, double step, Interpolation filter)
    {
        double sum = 0;
        for (int x = 0; x < taps; x++)
        {
            _weights[x] = Weight(filter, (x + offset) * step);
            sum += _weights[x];
        }

        Span<int> weights = Fixed.AsSpan(output * Taps, Taps);
        weights.Clear();
        for (int x = 0; x < taps; x++)
        {
            double weight = sum == 0 ? _weights[x] : _weights[x] / sum;
            weights[skip + x] = (int)((weight * (1 << FractionBits)) + (weight < 0 ? -0.5 : 0.5));
        }

        Span<int> perChannel = PerChannel.AsSpan(output * Taps * 4, Taps * 4);
        for (int i = 0; i < perChannel.Length; i++) perChannel[i] = weights[i / 4];
    }

    private static double Support(Interpolation filter) => filter switch
    {
        Interpolation.Box => 0.5,
        Interpolation.Bilinear => 1,
        Interpolation.Bicubic => 2,
        Interpolation.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "Not an interpolation filter."),
    };

    private static double Weight(Interpolation filter, double x) => filter switch
    {
        Interpolation.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        Interpolation.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        Interpolation.Bicubic => Cubic(Math.Abs(x)),
        _ => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
    };

    private static double Cubic(double x)
    {
        const double A = -0.5;
        if (x < 1) return ((((A + 2) * x) - (A + 3)) * x * x) + 1;
        return x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
