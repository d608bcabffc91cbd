namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// The relative position bias of one head, B[i, j] = table[offset(i) − offset(j)], for the first n tokens of a window. Read backwards,
/// the table's entries for one i and a row of neighbours j lie side by side, so B is made of whole runs.
/// </summary>
internal static unsafe class RelativeBias
{
    /// <summary>Writes the bias of one head.</summary>
    /// <param name="table">[rows, heads].</param>
    /// <param name="heads">Columns of the table.</param>
    /// <param name="head">Which one.</param>
    /// <param name="window">The window that the table is for.</param>
    /// <param name="n">Tokens; at most the window's.</param>
    /// <param name="bias">[n, n].</param>
    public static void Expand(float* table, int heads, int head, TokenGrid window, int n, float* bias)
    {
        float[] reversed = new float[WindowLayout.TableRowsOf(window)];
        for (int row = 0; row < reversed.Length; row++) reversed[^(row + 1)] = table[((long)row * heads) + head];
        for (int i = 0; i < n; i++)
        {
            Span<float> line = new(bias + ((long)i * n), n);
            for (int j = 0; j < n; j += window.W)
            {
                int run = Math.Min(window.W, n - j);
                reversed.AsSpan(First(window, i, j), run).CopyTo(line[j..]);
            }
        }
    }

    /// <summary>Adds the gradient of one head's bias, [n, n], to that of the table.</summary>
    public static void Collect(float* dBias, TokenGrid window, int n, float* dTable, int heads, int head)
    {
        int rows = WindowLayout.TableRowsOf(window);
        float[] reversed = new float[rows];
        for (int i = 0; i < n; i++)
        {
            float* line = dBias + ((long)i * n);
            for (int j = 0; j < n; j += window.W)
            {
                int run = Math.Min(window.W, n - j), first = First(window, i, j);
                for (int k = 0; k < run; k++) reversed[first + k] += line[j + k];
            }
        }

        for (int row = 0; row < rows; row++) dTable[((long)row * heads) + head] += reversed[^(row + 1)];
    }

    // Where in the reversed table the run of a token i and the neighbours j, j + 1, … begins; j is the first of its row in the window.
    private static int First(TokenGrid window, int i, int j)
    {
        (int it, int ih, int iw) = (i / (window.H * window.W), i / window.W % window.H, i % window.W);
        (int jt, int jh) = (j / (window.H * window.W), j / window.W % window.H);
        return (((((jt - it + window.T - 1) * ((2 * window.H) - 1)) + jh - ih + window.H - 1) * ((2 * window.W) - 1)) - iw + window.W) - 1;
    }
}
