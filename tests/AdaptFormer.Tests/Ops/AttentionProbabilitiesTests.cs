using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

/// <summary>The weights that attention shows are those that it uses, and those of the equation.</summary>
public sealed class AttentionProbabilitiesTests
{
    public static TheoryData<string, DataType> Paths => [.. new[] { CpuBackends.Managed, CpuBackends.OneDnnName }.SelectMany(name => new[] { DataType.Float32, DataType.BFloat16 }.Select(type => (name, type)))];

    [Theory]
    [MemberData(nameof(Paths))]
    public void They_equal_a_plain_softmax_and_give_the_output(string backend, DataType type)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        double near = type == DataType.Float32 ? 1e-5 : 2e-2;
        foreach ((int b, int n, int h, int d) in new[] { (1, 1, 1, 4), (2, 5, 2, 8), (1, 17, 3, 5), (2, 33, 1, 20) })
        {
            int c = h * d;
            Tensor qkv = Tensor.From(GradCheck.Numbers(new Rng(n), b * n * 3 * c), new Shape(b, n, 3 * c)).Cast(type);
            float[] values = qkv.ToArray(), p = qkv.AttentionProbabilities(h, 0.6f).ToArray(), y = qkv.Attention(h, 0.6f).ToArray();
            for (int item = 0; item < b * h; item++)
            {
                int image = item / h, offset = item % h * d;
                for (int i = 0; i < n; i++)
                {
                    double[] row = [.. Enumerable.Range(0, n).Select(j => (double)p[(((item * n) + i) * n) + j])];
                    double[] expected = Softmax([.. Enumerable.Range(0, n).Select(j => 0.6 * Enumerable.Range(0, d).Sum(k => At(image, i, offset + k) * At(image, j, c + offset + k)))]);
                    Assert.Equal(1, row.Sum(), near);
                    for (int j = 0; j < n; j++) Assert.Equal(expected[j], row[j], near);
                    for (int k = 0; k < d; k++) Assert.Equal(Enumerable.Range(0, n).Sum(j => row[j] * At(image, j, (2 * c) + offset + k)), y[(((image * n) + i) * c) + offset + k], near);
                }
            }

            double At(int image, int token, int column) => values[(((image * n) + token) * 3 * c) + column];
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Those_of_windows_equal_a_plain_softmax_with_bias_mask_and_padding(string backend, DataType type)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        const int B = 2, H = 2, D = 4, C = H * D;
        double near = type == DataType.Float32 ? 1e-5 : 2e-2;
        TokenGrid size = new(1, 5, 7), window = new(1, 3, 3);
        foreach (TokenGrid shift in new[] { new TokenGrid(0, 0, 0), new TokenGrid(0, 1, 1) })
        {
            WindowLayout windows = new(size, window, shift);
            Tensor table = Tensor.From(GradCheck.Numbers(new Rng(3), windows.TableRows * H), new Shape(windows.TableRows, H));
            Tensor qkv = Tensor.From(GradCheck.Numbers(new Rng(4), B * size.Count * 3 * C), new Shape(B, size.Count, 3 * C)).Cast(type);
            Tensor padding = Tensor.From(GradCheck.Numbers(new Rng(5), 3 * C), new Shape(1, 1, 3 * C));
            float[] values = qkv.ToArray(), outside = padding.Cast(type).ToArray(), biases = table.ToArray();
            Tensor probabilities = qkv.WindowAttentionProbabilities(H, windows, table, padding);
            int n = window.Count, count = windows.Counts.Count;
            Assert.Equal(new Shape(B, count, H, n, n), probabilities.Shape);
            float[] p = probabilities.ToArray();
            for (int item = 0; item < B * count * H; item++)
            {
                (int image, int which, int head) = (item / (count * H), item / H % count, item % H);
                int[] tokens = windows.TokensOf(which).ToArray();
                float[]? mask = windows.MaskOfWindow(which);
                for (int i = 0; i < n; i++)
                {
                    double[] expected = Softmax(
                    [
                        .. Enumerable.Range(0, n).Select(j => (Enumerable.Range(0, D).Sum(k => At(image, tokens[i], (head * D) + k) * At(image, tokens[j], C + (head * D) + k)) / Math.Sqrt(D))
                            + biases[(((((i / 3) - (j / 3) + 2) * 5) + (i % 3) - (j % 3) + 2) * H) + head] + (mask?[(i * n) + j] ?? 0)),
                    ]);
                    for (int j = 0; j < n; j++) Assert.Equal(expected[j], p[(((item * n) + i) * n) + j], near);
                }
            }

            double At(int image, int token, int column) => token < 0 ? outside[column] : values[(((image * size.Count) + token) * 3 * C) + column];
        }
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Assert.Equal("AttentionProbabilities: qkv must be [B, N, 3·C] with C a multiple of 4 heads; got qkv [4, 5, 18].", Assert.Throws<ArgumentException>(() => Tensor.Zeros(4, 5, 18).AttentionProbabilities(4)).Message);
        WindowLayout windows = new(new TokenGrid(1, 4, 4), new TokenGrid(1, 2, 2), default);
        Assert.StartsWith("WindowAttentionProbabilities: table must be [9, 2]", Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 16, 12).WindowAttentionProbabilities(2, windows, Tensor.Zeros(8, 2))).Message, StringComparison.Ordinal);
    }

    private static double[] Softmax(double[] scores)
    {
        double sum = scores.Sum(Math.Exp);
        return [.. scores.Select(score => Math.Exp(score) / sum)];
    }
}
