using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class AttentionOpTests : MatMulOpTests<AttentionOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int n, int h, int d) in new[] { (1, 1, 1, 4), (2, 5, 2, 8), (4, 17, 3, 5), (2, 50, 1, 20) })
            {
                int[] qkv = [b, n, 3 * h * d], bias = [h, n, n];
                string size = $"N {n}, {h} heads of {d}";
                yield return new OpCase($"plain, {size}", [qkv], (p, type) => p[0].Cast(type).Attention(h)) { BFloat16 = 3e-2 };
                yield return new OpCase($"scale, {size}", [qkv], (p, type) => p[0].Cast(type).Attention(h, 0.7f)) { BFloat16 = 3e-2 };
                foreach (int queries in new[] { 1, (n + 1) / 2 })
                    yield return new OpCase($"{queries} queries, {size}", [qkv], (p, type) => p[0].Cast(type).Attention(h, queries: queries)) { BFloat16 = 3e-2 };
                yield return new OpCase($"bias, {size}", [qkv, bias], (p, type) => p[0].Cast(type).Attention(h, bias: p[1])) { BFloat16 = 3e-2 };
                yield return new OpCase($"mask, {size}", [qkv], (p, type) => p[0].Cast(type).Attention(h, mask: Mask(b / 2 * 2 == b ? 2 : 1, n))) { BFloat16 = 3e-2 };
                yield return new OpCase($"bias and mask, {size}", [qkv, bias], (p, type) => p[0].Cast(type).Attention(h, bias: p[1], mask: Mask(b / 2 * 2 == b ? 2 : 1, n))) { BFloat16 = 3e-2 };
            }
        }
    }

    [Fact]
    public void Weights_are_a_softmax_of_the_scores()
    {
        using TensorScope scope = new();
        const int N = 5, D = 3;
        float[] qkv = GradCheck.Numbers(new Rng(4), N * 3 * D);
        float[] y = Tensor.From(qkv, new Shape(1, N, 3 * D)).Attention(1).ToArray();
        double[] expected = new double[N * D];
        for (int i = 0; i < N; i++)
        {
            double[] scores = [.. Enumerable.Range(0, N).Select(j => Enumerable.Range(0, D).Sum(d => (double)qkv[(i * 3 * D) + d] * qkv[(j * 3 * D) + D + d]) / Math.Sqrt(D))];
            double sum = scores.Sum(Math.Exp);
            for (int j = 0; j < N; j++)
            {
                for (int d = 0; d < D; d++) expected[(i * D) + d] += Math.Exp(scores[j]) / sum * qkv[(j * 3 * D) + (2 * D) + d];
            }
        }

        ParityCase.AssertClose("attention", expected, [.. y.Select(v => (double)v)], 1e-6);
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor qkv = Tensor.Zeros(4, 5, 18);
        Assert.Equal("Attention: qkv must be [B, N, 3·C] with C a multiple of 4 heads; got qkv [4, 5, 18].", Assert.Throws<ArgumentException>(() => qkv.Attention(4)).Message);
        Assert.Equal("Attention: bias must be [2, N, N]; got qkv [4, 5, 18], bias [2, 4, 5].", Assert.Throws<ArgumentException>(() => qkv.Attention(2, bias: Tensor.Zeros(2, 4, 5))).Message);
        Assert.Equal("Attention: mask must be [W, N, N] with W dividing the batch; got qkv [4, 5, 18], mask [3, 5, 5].",
            Assert.Throws<ArgumentException>(() => qkv.Attention(2, mask: Tensor.Zeros(3, 5, 5))).Message);
        Assert.Equal("Attention: 6 queries must be between 1 and N, and all N with a bias or mask; got qkv [4, 5, 18].",
            Assert.Throws<ArgumentException>(() => qkv.Attention(2, queries: 6)).Message);
        Assert.StartsWith("Attention: 4 queries", Assert.Throws<ArgumentException>(() => qkv.Attention(2, mask: Tensor.Zeros(1, 5, 5), queries: 4)).Message);
    }

    private static Tensor Mask(int windows, int n) =>
        Tensor.From([.. GradCheck.Numbers(new Rng(6), windows * n * n).Select(v => v < -0.3f ? -100f : 0)], new Shape(windows, n, n));
}
