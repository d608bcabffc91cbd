namespace AdaptFormer.Tensors;

/// <summary>
/// A grid of tokens cut into windows, as Swin and Video Swin cut it: the grid is padded at its ends to whole windows, then rolled by the
/// shift, then cut. Tokens that only the roll made neighbours must not see each other: their scores get −100. Padding is seen, as in the
/// authors' code.
/// </summary>
/// <remarks>Swin, arXiv:2103.14030, section 3.2; Video Swin, arXiv:2106.13230, section 3.2. Immutable once made, and shared by blocks and
/// calls.</remarks>
public sealed class WindowLayout
{
    private const float Apart = -100;
    private readonly int[] _tokens, _masks;
    private readonly Lazy<float[]>[] _maskValues;

    /// <summary>Cuts <paramref name="size"/> into windows.</summary>
    /// <param name="size">The grid.</param>
    /// <param name="window">Size of a window.</param>
    /// <param name="shift">How far the grid is rolled towards its beginning, less than a window along each axis.</param>
    /// <param name="biasWindow">
    /// The window that the table of relative positions is for, at least as large as <paramref name="window"/>; that itself if null. Video
    /// Swin keeps the whole window's table
    /// where a small grid clamps the window, and reads it for the first tokens of the whole window, in row-major order.
    /// </param>
    /// <exception cref="ArgumentException">A size is not positive, or a shift not in [0, window).</exception>
    public WindowLayout(TokenGrid size, TokenGrid window, TokenGrid shift, TokenGrid? biasWindow = null)
    {
        (Size, Window, Shift, BiasWindow) = (size, window, shift, biasWindow ?? window);
        bool positive = Math.Min(size.T, Math.Min(size.H, size.W)) > 0 && Math.Min(window.T, Math.Min(window.H, window.W)) > 0;
        bool inside = shift.T >= 0 && shift.T < window.T && shift.H >= 0 && shift.H < window.H && shift.W >= 0 && shift.W < window.W;
        if (!positive || !inside || BiasWindow.Count < window.Count)
            throw new ArgumentException(
                $"WindowLayout: a grid of {size} cannot be cut into windows of {window} with shift {shift} and positions of {BiasWindow}.");

        Counts = new TokenGrid(Ceiling(size.T, window.T), Ceiling(size.H, window.H), Ceiling(size.W, window.W));
        TokenGrid padded = new(Counts.T * window.T, Counts.H * window.H, Counts.W * window.W);
        Pads = padded != size;
        (_tokens, _masks) = (new int[padded.Count], new int[Counts.Count]);
        int at = 0, index = 0;
        foreach ((int t, int h, int w) in Positions(Counts))
        {
            foreach ((int i, int j, int k) in Positions(window))
            {
                int st = ((t * window.T) + i + shift.T) % padded.T, sh = ((h * window.H) + j + shift.H) % padded.H, sw =
                    ((w * window.W) + k + shift.W) % padded.W;
                _tokens[at++] = st < size.T && sh < size.H && sw < size.W ? (((st * size.H) + sh) * size.W) + sw : -1;
            }

            // Only the last window along a shifted axis holds tokens from both ends of it: a bit for each such axis.
            _masks[index++] = (shift.T > 0 && t == Counts.T - 1 ? 4 : 0) | (shift.H > 0 && h == Counts.H - 1 ? 2 : 0)
                | (shift.W > 0 && w == Counts.W - 1 ? 1 : 0);
        }

        _maskValues = [.. Enumerable.Range(0, 8).Select(axes => new Lazy<float[]>(() => MaskOf(axes)))];
    }

    /// <summary>The grid.</summary>
    public TokenGrid Size { get; }

    /// <summary>Size of a window.</summary>
    public TokenGrid Window { get; }

    /// <summary>How far the grid is rolled.</summary>
    public TokenGrid Shift { get; }

    /// <summary>The window that the table of relative positions is for.</summary>
    public TokenGrid BiasWindow { get; }

    /// <summary>Windows along each axis.</summary>
    public TokenGrid Counts { get; }

    /// <summary>Whether some windows hold padding.</summary>
    public bool Pads { get; }

    /// <summary>Rows of the table of relative positions: (2·t − 1)·(2·h − 1)·(2·w − 1) for <see cref="BiasWindow"/>.</summary>
    public int TableRows => TableRowsOf(BiasWindow);

    /// <summary>(2·t − 1)·(2·h − 1)·(2·w − 1): how many relative positions a window has.</summary>
    public static int TableRowsOf(TokenGrid window) => ((2 * window.T) - 1) * ((2 * window.H) - 1) * ((2 * window.W) - 1);

    /// <summary>The grid's index of each token of a window; −1 for padding.</summary>
    public ReadOnlySpan<int> TokensOf(int window) => _tokens.AsSpan(window * Window.Count, Window.Count);

    /// <summary>Added to the scores of a window, [N, N] in pinned memory; null where every token sees every other.</summary>
    public float[]? MaskOfWindow(int window) => _masks[window] == 0 ? null : _maskValues[_masks[window]].Value;

    /// <summary>The tokens of all windows, one after the other, as <see cref="TokensOf"/> gives them.</summary>
    public int[] Tokens() => [.. _tokens];

    /// <summary>The row of the table of relative positions for each pair of a window's tokens, [N·N].</summary>
    public int[] TableRowsOfPairs()
    {
        TokenGrid w = BiasWindow;
        int n = Window.Count;
        int[] rows = new int[n * n];
        for (int pair = 0; pair < rows.Length; pair++)
        {
            ((int t, int h, int x) a, (int t, int h, int x) b) = (Place(pair / n), Place(pair % n));
            rows[pair] = ((((a.t - b.t + w.T - 1) * ((2 * w.H) - 1)) + a.h - b.h + w.H - 1) * ((2 * w.W) - 1)) + a.x - b.x + w.W - 1;
        }

        return rows;

        (int, int, int) Place(int token) => (token / (w.H * w.W), token / w.W % w.H, token % w.W);
    }

    private static int Ceiling(int length, int window) => (length + window - 1) / window;

    private static IEnumerable<(int T, int H, int W)> Positions(TokenGrid grid)
    {
        for (int t = 0; t < grid.T; t++)
        {
            for (int h = 0; h < grid.H; h++)
            {
                for (int w = 0; w < grid.W; w++) yield return (t, h, w);
            }
        }
    }

    private float[] MaskOf(int axes)
    {
        int[] regions =
        [
            .. Positions(Window).Select(p =>
                ((axes & 4) != 0 && p.T >= Window.T - Shift.T ? 4 : 0) | ((axes & 2) != 0 && p.H >= Window.H - Shift.H ? 2 : 0)
                    | ((axes & 1) != 0 && p.W >= Window.W - Shift.W ? 1 : 0)),
        ];
        int n = regions.Length;
        float[] mask = GC.AllocateUninitializedArray<float>(n * n, pinned: true);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++) mask[(i * n) + j] = regions[i] == regions[j] ? 0 : Apart;
        }

        return mask;
    }
}
