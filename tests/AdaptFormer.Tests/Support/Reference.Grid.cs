using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Support;

internal static partial class Reference
{
    /// <summary>
    /// A 3×3 convolution with groups over the frames of one clip: y[t, r, c, o] = b[o] + Σ w[o, k, i, j]·x[t, r + i − 1, c + j − 1,
    /// k], zeros outside.
    /// </summary>
    /// <param name="x">[T·H·W, C].</param>
    /// <param name="grid">T×H×W.</param>
    /// <param name="w">[M, C/groups, 3, 3].</param>
    /// <param name="bias">[M].</param>
    /// <param name="groups">1 for a full convolution, C for a depthwise one.</param>
    /// <param name="y">[T·H·W, M].</param>
    public static void GridConv(
        ReadOnlySpan<float> x, TokenGrid grid, ReadOnlySpan<float> w, ReadOnlySpan<float> bias, int groups, Span<double> y)
    {
        int m = bias.Length, c = x.Length / grid.Count, inputs = c / groups;
        for (int n = 0; n < grid.Count; n++)
        {
            (int t, int row, int column) = Split(grid, n);
            for (int o = 0; o < m; o++)
            {
                double sum = bias[o];
                for (int k = 0; k < inputs; k++)
                {
                    for (int tap = 0; tap < 9; tap++)
                    {
                        (int r, int q) = (row + (tap / 3) - 1, column + (tap % 3) - 1);
                        if (r < 0 || r >= grid.H || q < 0 || q >= grid.W) continue;
                        int token = (((t * grid.H) + r) * grid.W) + q, feature = (o / (m / groups) * inputs) + k;
                        sum += (double)w[(((o * inputs) + k) * 9) + tap] * x[(token * c) + feature];
                    }
                }

                y[(n * m) + o] = sum;
            }
        }
    }
}
