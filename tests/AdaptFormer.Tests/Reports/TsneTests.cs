using AdaptFormer.Reports;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Reports;

public sealed class TsneTests
{
    [Fact]
    public void The_gradient_is_that_of_the_divergence()
    {
        const int N = 9;
        Rng rng = new(1);
        double[] p = Tsne.Affinities(Tsne.SquaredDistances(Points(rng, N, 4), N), N, 2.5);
        double[] y = [.. Enumerable.Range(0, 2 * N).Select(_ => rng.NextNormal())], gradient = new double[2 * N];
        Tsne.Gradient(p, y, N, 1, gradient);
        for (int i = 0; i < y.Length; i++)
        {
            const double Step = 1e-5;
            double[] up = [.. y], down = [.. y];
            (up[i], down[i]) = (y[i] + Step, y[i] - Step);
            Assert.Equal((Tsne.Divergence(p, up, N) - Tsne.Divergence(p, down, N)) / (2 * Step), gradient[i], 1e-7);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5.5)]
    public void Every_row_has_the_wanted_perplexity(double perplexity)
    {
        const int N = 25;
        double[] squared = Tsne.SquaredDistances(Points(new Rng(2), N, 6), N), row = new double[N];
        for (int i = 0; i < N; i++)
        {
            Tsne.Row(squared.AsSpan(i * N, N), i, perplexity, row);
            Assert.Equal(1, row.Sum(), 1e-9);
            Assert.Equal(0, row[i]);
            Assert.Equal(perplexity, Math.Exp(-row.Where(p => p > 0).Sum(p => p * Math.Log(p))), 1e-3);
        }
    }

    [Fact]
    public void Affinities_are_symmetric_and_sum_to_one()
    {
        const int N = 12;
        double[] p = Tsne.Affinities(Tsne.SquaredDistances(Points(new Rng(3), N, 3), N), N, 3);
        Assert.Equal(1, p.Sum(), 1e-9);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) Assert.Equal(p[(i * N) + j], p[(j * N) + i]);
    }

    [Fact]
    public void Groups_that_lie_apart_stay_apart_and_the_same_seed_gives_the_same_map()
    {
        const int N = 60, D = 5;
        Rng rng = new(4);
        float[] points = [.. Enumerable.Range(0, N * D).Select(i => (float)rng.NextNormal() + (i / D % 3 * 8))];
        double[] map = Tsne.Embed(points, N, new Rng(7), perplexity: 10, iterations: 400);
        Assert.Equal(map, Tsne.Embed(points, N, new Rng(7), perplexity: 10, iterations: 400));
        for (int i = 0; i < N; i++)
        {
            int nearest = Enumerable.Range(0, N).Where(j => j != i).MinBy(j => Math.Pow(map[2 * i] - map[2 * j], 2) + Math.Pow(map[(2 * i) + 1] - map[(2 * j) + 1], 2));
            Assert.Equal(i % 3, nearest % 3);
        }
    }

    private static float[] Points(Rng rng, int n, int d) => [.. Enumerable.Range(0, n * d).Select(_ => (float)rng.NextNormal())];
}
