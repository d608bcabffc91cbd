namespace AdaptFormer.Tests.Support;

/// <summary>
/// The kernels as plain loops that read like their equations, in double precision: the specification that every faster kernel is tested against.
/// </summary>
internal static partial class Reference
{
    /// <summary>max(0, x); NaN for NaN.</summary>
    public static double Relu(double x) => x <= 0 ? 0 : x;

    /// <summary>d relu/dx from the output y.</summary>
    public static double ReluSlope(double y) => y <= 0 ? 0 : 1;

    /// <summary>x·Φ(x).</summary>
    public static double Gelu(double x) => double.IsNegativeInfinity(x) ? 0 : x * NormalCdf(x);

    /// <summary>d gelu/dx from the pre-activation x: Φ(x) + x·φ(x).</summary>
    public static double GeluSlope(double x) =>
        NormalCdf(x) + (double.IsInfinity(x) ? 0 : x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));

    /// <summary>tanh x.</summary>
    public static double Tanh(double x) => Math.Tanh(x);

    /// <summary>d tanh/dx from the output y.</summary>
    public static double TanhSlope(double y) => 1 - (y * y);

    /// <summary>1/(1 + e^(−x)).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>d sigmoid/dx from the output y.</summary>
    public static double SigmoidSlope(double y) => y * (1 - y);

    /// <summary>x·σ(1.702·x).</summary>
    public static double QuickGelu(double x) => double.IsNegativeInfinity(x) ? 0 : x * Sigmoid(1.702 * x);

    /// <summary>The derivative of <see cref="QuickGelu"/> at x.</summary>
    public static double QuickGeluSlope(double x)
    {
        double sigma = Sigmoid(1.702 * x);
        return sigma + (double.IsInfinity(x) ? 0 : 1.702 * x * sigma * (1 - sigma));
    }

    /// <summary>One row of y = γ∘x + β.</summary>
    public static void ScaleFeatures(ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta, Span<double> y)
    {
        for (int i = 0; i < x.Length; i++) y[i] = ((double)gamma[i] * x[i]) + (beta.IsEmpty ? 0 : beta[i]);
    }

    /// <summary>Φ(x) = ½·erfc(−x/√2): the series of erf near zero, the continued fraction of erfc beyond.</summary>
    public static double NormalCdf(double x)
    {
        double z = Math.Abs(x) / Math.Sqrt(2);
        if (double.IsNaN(z)) return z;
        double tail;    // Φ(−|x|)
        if (z < 2.5)
        {
            // erf z = 2/√π·e^(−z²)·Σ 2ⁿz^(2n+1)/(2n+1)!!
            double term = z, sum = z;
            for (int n = 1; term > sum * 1e-17; n++)
            {
                term *= 2 * z * z / ((2 * n) + 1);
                sum += term;
            }

            tail = 0.5 - (sum * Math.Exp(-z * z) / Math.Sqrt(Math.PI));
        }
        else
        {
            // erfc z = e^(−z²)/√π / (z + ½/(z + 1/(z + 3/2/(z + ...))))
            double fraction = z;
            for (int n = 60; n >= 1; n--) fraction = z + (n / 2.0 / fraction);
            tail = 0.5 * Math.Exp(-z * z) / Math.Sqrt(Math.PI) / fraction;
        }

        return x < 0 ? tail : 1 - tail;
    }

    /// <summary>One row of layer normalisation; returns its mean and rstd.</summary>
    public static (double Mean, double Rstd) LayerNorm(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta, double eps, Span<double> y)
    {
        double mean = 0, variance = 0;
        foreach (float v in x) mean += v / (double)x.Length;
        foreach (float v in x) variance += (v - mean) * (v - mean) / x.Length;
        double rstd = 1 / Math.Sqrt(variance + eps);
        for (int i = 0; i < x.Length; i++)
            y[i] = ((x[i] - mean) * rstd * (gamma.IsEmpty ? 1 : gamma[i])) + (beta.IsEmpty ? 0 : beta[i]);
        return (mean, rstd);
    }

    /// <summary>One row of the gradient of layer normalisation with respect to its input.</summary>
    public static void LayerNormBackward(
        ReadOnlySpan<float> x, double mean, double rstd, ReadOnlySpan<float> gamma, ReadOnlySpan<float> dy, Span<double> dx)
    {
        double meanG = 0, meanGx = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double g = dy[i] * (gamma.IsEmpty ? 1.0 : gamma[i]);
            meanG += g / x.Length;
            meanGx += g * (x[i] - mean) * rstd / x.Length;
        }

        for (int i = 0; i < x.Length; i++)
        {
            double g = dy[i] * (gamma.IsEmpty ? 1.0 : gamma[i]);
            dx[i] = rstd * (g - meanG - ((x[i] - mean) * rstd * meanGx));
        }
    }

    /// <summary>One row of p = softmax(scale·s + bias).</summary>
    public static void Softmax(ReadOnlySpan<float> s, double scale, ReadOnlySpan<float> bias, Span<double> p)
    {
        double max = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < s.Length; i++)
        {
            p[i] = (scale * s[i]) + (bias.IsEmpty ? 0 : bias[i]);
            max = Math.Max(max, p[i]);
        }

        for (int i = 0; i < s.Length; i++) sum += p[i] = Math.Exp(p[i] - max);
        for (int i = 0; i < s.Length; i++) p[i] /= sum;
    }

    /// <summary>One row of ds = scale·p∘(dp − Σ dp∘p).</summary>
    public static void SoftmaxBackward(ReadOnlySpan<float> p, ReadOnlySpan<float> dp, double scale, Span<double> ds)
    {
        double dot = 0;
        for (int i = 0; i < p.Length; i++) dot += (double)p[i] * dp[i];
        for (int i = 0; i < p.Length; i++) ds[i] = scale * p[i] * (dp[i] - dot);
    }
}
