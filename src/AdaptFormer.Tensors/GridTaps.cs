namespace AdaptFormer.Tensors;

/// <summary>
/// Which tokens a 3×3 kernel sees: those of a grid around each other, within a frame; tokens ahead of the grid see themselves.
/// </summary>
/// <param name="Grid">How the last tokens lie.</param>
/// <param name="Ahead">Tokens ahead of the grid's.</param>
public readonly record struct GridTaps(TokenGrid Grid, int Ahead)
{
    /// <summary>Positions of a kernel, row by row; the centre is <see cref="Centre"/>.</summary>
    public const int Count = 9, Centre = 4;

    /// <summary>The grid as the last of <paramref name="tokens"/> tokens.</summary>
    public static GridTaps Of(TokenGrid grid, int tokens) => new(grid, tokens - grid.Count);

    /// <summary>Tokens of one image.</summary>
    public int Tokens => Ahead + Grid.Count;

    /// <summary>The tokens around <paramref name="token"/>, itself included, and the tap that stands over each.</summary>
    /// <returns>How many there are, at most 9.</returns>
    public int Around(int token, Span<int> tokens, Span<int> taps)
    {
        if (token < Ahead)
        {
            (tokens[0], taps[0]) = (token, Centre);
            return 1;
        }

        (int line, int column) = Math.DivRem(token - Ahead, Grid.W);
        int row = line % Grid.H, found = 0;
        for (int i = -1; i <= 1; i++)
        {
            if (row + i < 0 || row + i >= Grid.H) continue;
            for (int j = -1; j <= 1; j++)
            {
                if (column + j < 0 || column + j >= Grid.W) continue;
                tokens[found] = token + (i * Grid.W) + j;
                taps[found++] = Centre + (3 * i) + j;
            }
        }

        return found;
    }

    /// <summary>Every token that a kernel sees, the token where it then stands, and the tap between them.</summary>
    public (int[] Seen, int[] Standing, int[] Taps) Pairs()
    {
        List<int> seen = [], standing = [], through = [];
        Span<int> tokens = stackalloc int[Count], taps = stackalloc int[Count];
        for (int token = 0; token < Tokens; token++)
        {
            int count = Around(token, tokens, taps);
            for (int i = 0; i < count; i++)
            {
                seen.Add(tokens[i]);
                standing.Add(token);
                through.Add(taps[i]);
            }
        }

        return ([.. seen], [.. standing], [.. through]);
    }
}
