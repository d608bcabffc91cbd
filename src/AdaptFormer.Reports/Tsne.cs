using System.Numerics;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Reports;

/// <summary>
/// t-SNE, van der Maaten and Hinton 2008, exact: points whose features are near each other lie near each other in the plane. Time and
/// memory grow with the square of the number of points: two thousand take some seconds and 32 MB, <see cref="MostPoints"/> about half a
/// minute and 400 MB.
/// </summary>
public static class Tsne
{
    /// <summary>Most points: what is reasonable to wait for without approximation.</summary>
    public const int MostPoints = 5000;

    private const int Dimensions = 2, EarlyIterations = 250;
    private const double EarlyExaggeration = 12, Tolerance = 1e-5;

    /// <summary>Places points in the plane.</summary>
    /// <param name="features">[n, d], row by row.</param>
    /// <param name="n">Number of points, at least 2.</param>
    /// <param name="rng">The starting places.</param>
    /// <param name="perplexity">How many neighbours a point has, in effect; at most a third of the others.</param>
    /// <param name="iterations">Steps of gradient descent.</param>
    /// <returns>[n, 2].</returns>
    /// <exception cref="ArgumentException">The features are not n rows, or there are more than <see cref="MostPoints"/>.</exception>
    public static double[] Embed(ReadOnlySpan<float> features, int n, Rng rng, double perplexity = 30, int iterations = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, MostPoints);
        if (features.Length % n != 0) throw new ArgumentException($"Tsne: {features.Length} numbers are not {n} rows.", nameof(features));
        double[] p = Affinities(SquaredDistances(features, n), n, Math.Max(1, Math.Min(perplexity, (n - 1) / 3.0)));
        double[] y = new double[n * Dimensions], gradient = new double[y.Length], velocity = new double[y.Length], gains =
            new double[y.Length];
        for (int i = 0; i < y.Length; i++) (y[i], gains[i]) = (1e-4 * rng.NextNormal(), 1);
        double rate = Math.Max(50, n / EarlyExaggeration / 4);
        for (int step = 0; step < iterations; step++)
        {
            bool early = step < Math.Min(EarlyIterations, iterations / 2);
            Gradient(p, y, n, early ? EarlyExaggeration : 1, gradient);
            double momentum = early ? 0.5 : 0.8;
            for (int i = 0; i < y.Length; i++)
            {
                gains[i] = Math.Max(0.01, Math.Sign(gradient[i]) == Math.Sign(velocity[i]) ? gains[i] * 0.8 : gains[i] + 0.2);
                velocity[i] = (momentum * velocity[i]) - (rate * gains[i] * gradient[i]);
                y[i] += velocity[i];
            }
        }

        return y;
    }

    /// <summary>Σ pᵢⱼ·log(pᵢⱼ/qᵢⱼ): what the descent makes small.</summary>
    internal static double Divergence(double[] p, double[] y, int n)
    {
        double sum = Similarities(y, n, out double[] weights), divergence = 0;
        for (int i = 0; i < p.Length; i++)
        {
            if (p[i] > 0) divergence += p[i] * Math.Log(p[i] / Math.Max(1e-300, weights[i] / sum));
        }

        return divergence;
    }

    /// <summary>∂C/∂yᵢ = 4·Σⱼ (pᵢⱼ − qᵢⱼ)·(yᵢ − yⱼ)/(1 + |yᵢ − yⱼ|²), p times
    /// <paramref name="exaggeration"/>.</summary>
    /// <remarks>Each point has its own two sums over all others, of pᵢⱼ·w·(yᵢ − yⱼ) and of w²·(yᵢ − yⱼ), w being the
    /// similarity; Σw, which q needs, is known after all points have been seen once.</remarks>
    internal static void Gradient(double[] p, double[] y, int n, double exaggeration, double[] gradient)
    {
        double[] xs = new double[n], ys = new double[n], sums = new double[n * 5];
        for (int i = 0; i < n; i++) (xs[i], ys[i]) = (y[2 * i], y[(2 * i) + 1]);
        ByRow(n, i => Forces(p.AsSpan(i * n, n), xs, ys, i, sums.AsSpan(5 * i, 5)));
        double sum = 0;
        for (int i = 0; i < n; i++) sum += sums[5 * i];
        for (int i = 0; i < n; i++)
        {
            Span<double> own = sums.AsSpan(5 * i, 5);
            (gradient[2 * i], gradient[(2 * i) + 1]) =
                (4 * ((exaggeration * own[1]) - (own[3] / sum)), 4 * ((exaggeration * own[2]) - (own[4] / sum)));
        }
    }

    // Of one point: Σw, Σ p·w·dx, Σ p·w·dy, Σ w²·dx, Σ w²·dy. The point itself adds 1 to the first and nothing to the others.
    private static void Forces(ReadOnlySpan<double> p, double[] xs, double[] ys, int i, Span<double> own)
    {
        Vector<double> x = new(xs[i]), y = new(ys[i]), one = Vector<double>.One, w = default, ax = default, ay = default, rx = default, ry =
            default;
        int j = 0;
        for (; j <= xs.Length - Vector<double>.Count; j += Vector<double>.Count)
        {
            Vector<double> dx = x - new Vector<double>(xs, j), dy = y - new Vector<double>(ys, j), near = one
                / (one + (dx * dx) + (dy * dy)), pull = new Vector<double>(p[j..]) * near, push = near * near;
            w += near;
            ax += pull * dx;
            ay += pull * dy;
            rx += push * dx;
            ry += push * dy;
        }

        (double sw, double sax, double say, double srx, double sry) =
            (Vector.Sum(w) - 1, Vector.Sum(ax), Vector.Sum(ay), Vector.Sum(rx), Vector.Sum(ry));
        for (; j < xs.Length; j++)
        {
            double dx = xs[i] - xs[j], dy = ys[i] - ys[j], near = 1 / (1 + (dx * dx) + (dy * dy));
            sw += near;
            sax += p[j] * near * dx;
            say += p[j] * near * dy;
            srx += near * near * dx;
            sry += near * near * dy;
        }

        (own[0], own[1], own[2], own[3], own[4]) = (sw, sax, say, srx, sry);
    }

    /// <summary>Symmetric affinities [n, n] whose rows have the wanted perplexity before they are made symmetric; they sum to 1.</summary>
    internal static double[] Affinities(double[] squared, int n, double perplexity)
    {
        double[] p = new double[n * n], row = new double[n];
        for (int i = 0; i < n; i++)
        {
            Row(squared.AsSpan(i * n, n), i, perplexity, row);
            for (int j = 0; j < n; j++)
            {
                p[(i * n) + j] += row[j] / (2.0 * n);
                p[(j * n) + i] += row[j] / (2.0 * n);
            }
        }

        return p;
    }

    /// <summary>The conditional probabilities of a point's neighbours, by bisection of the width of its bell.</summary>
    internal static void Row(ReadOnlySpan<double> squared, int self, double perplexity, Span<double> row)
    {
        double beta = 1, low = 0, high = double.PositiveInfinity, wanted = Math.Log(perplexity), nearest = double.PositiveInfinity;
        for (int j = 0; j < squared.Length; j++)
        {
            if (j != self) nearest = Math.Min(nearest, squared[j]);
        }

        for (int trial = 0; trial < 200; trial++)
        {
            double sum = 0, weighted = 0;
            for (int j = 0; j < squared.Length; j++)
            {
                row[j] = j == self ? 0 : Math.Exp(-beta * (squared[j] - nearest));
                sum += row[j];
                weighted += row[j] * (squared[j] - nearest);
            }

            double entropy = Math.Log(sum) + (beta * weighted / sum);
            for (int j = 0; j < squared.Length; j++) row[j] /= sum;
            if (Math.Abs(entropy - wanted) < Tolerance) return;
            if (entropy > wanted) (low, beta) = (beta, double.IsInfinity(high) ? beta * 2 : (beta + high) / 2);
            else (high, beta) = (beta, (beta + low) / 2);
        }
    }

    internal static double[] SquaredDistances(ReadOnlySpan<float> features, int n)
    {
        int d = features.Length / n;
        float[] rows = features.ToArray();
        double[] squared = new double[n * n];
        ByRow(n, i =>
        {
            for (int j = 0; j < n; j++) squared[(i * n) + j] = SquaredDistance(rows.AsSpan(i * d, d), rows.AsSpan(j * d, d));
        });
        return squared;
    }

    private static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector<float> sums = default;
        int k = 0;
        for (; k <= a.Length - Vector<float>.Count; k += Vector<float>.Count)
        {
            Vector<float> difference = new Vector<float>(a[k..]) - new Vector<float>(b[k..]);
            sums += difference * difference;
        }

        double sum = Vector.Sum(sums);
        for (; k < a.Length; k++) sum += (double)(a[k] - b[k]) * (a[k] - b[k]);
        return sum;
    }

    // Rows do not depend on each other, so the result does not depend on the threads.
    private static void ByRow(int n, Action<int> row)
    {
        const int Rows = 16;
        CpuParallel.For((n + Rows - 1) / Rows, block =>
        {
            for (int i = block * Rows; i < Math.Min(n, (block + 1) * Rows); i++) row(i);
        });
    }

    private static double Similarities(double[] y, int n, out double[] weights)
    {
        weights = new double[n * n];
        double sum = 0;
        for (int i = 0; i < n; i++)
        {
            for (int j = i + 1; j < n; j++)
            {
                double dx = y[2 * i] - y[2 * j], dy = y[(2 * i) + 1] - y[(2 * j) + 1], weight = 1 / (1 + (dx * dx) + (dy * dy));
                weights[(i * n) + j] = weights[(j * n) + i] = weight;
                sum += 2 * weight;
            }
        }

        return sum;
    }
}
