using AdaptFormer.Tensors;

namespace AdaptFormer.Tests.Support;

internal static partial class Reference
{
    /// <summary>
    /// Attention inside shifted windows of one image, token by token: pad, roll, cut, attend within the window and the region of origin,
    /// put back.
    /// </summary>
    /// <param name="qkv">[N, 3·C].</param>
    /// <param name="heads">h.</param>
    /// <param name="scale">Factor on the scores.</param>
    /// <param name="windows">The layout, of which only the sizes are used.</param>
    /// <param name="table">[rows, h].</param>
    /// <param name="padding">[3·C].</param>
    /// <param name="y">[N, C].</param>
    public static void WindowAttention(ReadOnlySpan<float> qkv, int heads, double scale, WindowLayout windows, ReadOnlySpan<float> table,
        ReadOnlySpan<float> padding, Span<double> y)
    {
        (TokenGrid size, TokenGrid window, TokenGrid shift) = (windows.Size, windows.Window, windows.Shift);
        TokenGrid padded = new(windows.Counts.T * window.T, windows.Counts.H * window.H, windows.Counts.W * window.W);
        int c = padding.Length / 3, d = c / heads, n = window.Count;
        for (int image = 0; image < windows.Counts.Count; image++)
        {
            for (int i = 0; i < n; i++)
            {
                int at = Source(image, i);
                for (int h = 0; at >= 0 && h < heads; h++)
                {
                    float[] scores = new float[n];
                    float[] offsets = new float[n];
                    for (int j = 0; j < n; j++)
                    {
                        double dot = 0;
                        for (int k = 0; k < d; k++)
                            dot += (double)Row(qkv, padding, at)[(h * d) + k] * Row(qkv, padding, Source(image, j))[c + (h * d) + k];
                        scores[j] = (float)dot;
                        offsets[j] =
                            table[(RelativeRow(windows.BiasWindow, i, j) * heads) + h] + (Region(image, i) == Region(image, j) ? 0 : -100);
                    }

                    double[] p = new double[n];
                    Softmax(scores, scale, offsets, p);
                    for (int k = 0; k < d; k++)
                    {
                        double sum = 0;
                        for (int j = 0; j < n; j++) sum += p[j] * Row(qkv, padding, Source(image, j))[(2 * c) + (h * d) + k];
                        y[(at * c) + (h * d) + k] = sum;
                    }
                }
            }
        }

        // Where a window's token lies in the padded and rolled grid.
        (int T, int H, int W) Place(int index, int token)
        {
            (int T, int H, int W) which = Split(windows.Counts, index), inside = Split(window, token);
            return ((which.T * window.T) + inside.T, (which.H * window.H) + inside.H, (which.W * window.W) + inside.W);
        }

        int Source(int index, int token)
        {
            (int t, int h, int w) = Place(index, token);
            (t, h, w) = ((t + shift.T) % padded.T, (h + shift.H) % padded.H, (w + shift.W) % padded.W);
            return t < size.T && h < size.H && w < size.W ? (((t * size.H) + h) * size.W) + w : -1;
        }

        // Swin numbers the regions that the roll leaves connected.
        int Region(int index, int token)
        {
            (int t, int h, int w) = Place(index, token);
            return (Slice(t, padded.T, window.T, shift.T) * 9) + (Slice(h, padded.H, window.H, shift.H) * 3)
                + Slice(w, padded.W, window.W, shift.W);
        }
    }

    /// <summary>The row of a table of relative positions for tokens i and j of a window.</summary>
    public static int RelativeRow(TokenGrid window, int i, int j)
    {
        (int T, int H, int W) a = Split(window, i), b = Split(window, j);
        return ((((a.T - b.T + window.T - 1) * ((2 * window.H) - 1)) + a.H - b.H + window.H - 1) * ((2 * window.W) - 1)) + a.W - b.W
            + window.W - 1;
    }

    private static (int T, int H, int W) Split(TokenGrid grid, int index) =>
        (index / (grid.H * grid.W), index / grid.W % grid.H, index % grid.W);

    private static int Slice(int at, int length, int window, int shift) =>
        shift == 0 || at < length - window ? 0 : at < length - shift ? 1 : 2;

    private static ReadOnlySpan<float> Row(ReadOnlySpan<float> qkv, ReadOnlySpan<float> padding, int token) =>
        token < 0 ? padding : qkv.Slice(token * padding.Length, padding.Length);
}
