using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Reporting;

/// <summary>
/// t-SNE, van der Maaten and Hinton 2008, exact: points whose features are near each other lie near each other in the plane. Time and memory grow with the
/// square of the number of points, so it is for a few hundred of them.
/// </summary>
public static class Tsne
{
    private const int Dimensions = 2, EarlyIterations = 250;
    private const double EarlyExaggeration = 12, Tolerance = 1e-5;

    /// <summary>Places points in the plane.</summary>
    /// <param name="features">[n, d], row by row.</param>
    /// <param name="n">Number of points, at least 2.</param>
    /// <param name="rng">The starting places.</param>
    /// <param name="perplexity">How many neighbours a point has, in effect; at most a third of the others.</param>
    /// <param name="iterations">Steps of gradient descent.</param>
    /// <returns>[n, 2].</returns>
    /// <exception cref="ArgumentException">The features are not n rows.</exception>
    public static double[] Embed(ReadOnlySpan<float> features, int n, Rng rng, double perplexity = 30, int iterations = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 2);
        if (features.Length % n != 0) throw new ArgumentException($"Tsne: {features.Length} numbers are not {n} rows.", nameof(features));
        double[] p = Affinities(SquaredDistances(features, n), n, Math.Max(1, Math.Min(perplexity, (n - 1) / 3.0)));
        double[] y = new double[n * Dimensions], gradient = new double[y.Length], velocity = new double[y.Length], gains = new double[y.Length];
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

    /// <summary>∂C/∂yᵢ = 4·Σⱼ (pᵢⱼ − qᵢⱼ)·(yᵢ − yⱼ)/(1 + |yᵢ − yⱼ|²), p times <paramref name="exaggeration"/>.</summary>
    internal static void Gradient(double[] p, double[] y, int n, double exaggeration, double[] gradient)
    {
        double sum = Similarities(y, n, out double[] weights);
        for (int i = 0; i < n; i++)
        {
            double gx = 0, gy = 0;
            for (int j = 0; j < n; j++)
            {
                double weight = weights[(i * n) + j], force = ((exaggeration * p[(i * n) + j]) - (weight / sum)) * weight;
                gx += force * (y[2 * i] - y[2 * j]);
                gy += force * (y[(2 * i) + 1] - y[(2 * j) + 1]);
            }

            (gradient[2 * i], gradient[(2 * i) + 1]) = (4 * gx, 4 * gy);
        }
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
        double[] squared = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = i + 1; j < n; j++)
            {
                double sum = 0;
                for (int k = 0; k < d; k++)
                {
                    double difference = features[(i * d) + k] - features[(j * d) + k];
                    sum += difference * difference;
                }

                squared[(i * n) + j] = squared[(j * n) + i] = sum;
            }
        }

        return squared;
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
