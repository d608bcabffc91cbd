namespace AdaptFormer.Models.Vit;

/// <summary>Tables that tell a transformer where its tokens lie: learned ones fitted to another grid, and the fixed ones of the
/// papers.</summary>
public static class PositionEmbeddings
{
    private const double CubicA = -0.75;

    /// <summary>Fits learned embeddings to another grid of patches by bicubic interpolation; tokens ahead of the grid are kept as they
    /// are.</summary>
    /// <param name="table">[extra + h·w, C], row-major.</param>
    /// <param name="dim">C.</param>
    /// <param name="extra">Tokens ahead of the grid: 1 for a class token.</param>
    /// <param name="from">The table's grid, rows by columns.</param>
    /// <param name="to">The new grid.</param>
    /// <returns>[extra + h'·w', C].</returns>
    /// <remarks>
    /// Follows the authors' code, which is PyTorch's bicubic filter: a = −0.75, pixel centres at one half, edges repeated, and no wider
    /// filter when the grid shrinks.
    /// </remarks>
    /// <exception cref="ArgumentException">The table does not have the grid's number of rows, or a grid is empty.</exception>
    public static float[] Resize(ReadOnlySpan<float> table, int dim, int extra, (int Height, int Width) from, (int Height, int Width) to)
    {
        if (dim < 1 || extra < 0 || from.Height < 1 || from.Width < 1 || to.Height < 1 || to.Width < 1)
            throw new ArgumentException($"PositionEmbeddings: cannot resize a grid of {from.Height}x{from.Width} to "
                + $"{to.Height}x{to.Width} tokens of {dim} numbers.");
        if (table.Length != (extra + ((long)from.Height * from.Width)) * dim)
            throw new ArgumentException($"PositionEmbeddings: {extra} + {from.Height}x{from.Width} tokens of {dim} need "
                + $"{(extra + (from.Height * from.Width)) * dim} numbers, got {table.Length}.");
        if (from == to) return table.ToArray();

        float[] result = new float[(extra + (to.Height * to.Width)) * dim];
        table[..(extra * dim)].CopyTo(result);
        ReadOnlySpan<float> source = table[(extra * dim)..];
        Span<float> target = result.AsSpan(extra * dim);
        Taps[] rows = Filter(from.Height, to.Height), columns = Filter(from.Width, to.Width);
        double[] sum = new double[dim];
        for (int y = 0; y < to.Height; y++)
        {
            for (int x = 0; x < to.Width; x++)
            {
                Array.Clear(sum);
                for (int i = 0; i < 4; i++)
                {
                    for (int j = 0; j < 4; j++)
                    {
                        double weight = rows[y].Weight(i) * columns[x].Weight(j);
                        ReadOnlySpan<float> token = source.Slice(((rows[y].Index(i) * from.Width) + columns[x].Index(j)) * dim, dim);
                        for (int c = 0; c < dim; c++) sum[c] += weight * token[c];
                    }
                }

                Span<float> destination = target.Slice(((y * to.Width) + x) * dim, dim);
                for (int c = 0; c < dim; c++) destination[c] = (float)sum[c];
            }
        }

        return result;
    }

    /// <summary>The transformer paper's fixed table: sin on even, cos on odd features of pos / 10000^(2⌊j/2⌋/C). VideoMAE's
    /// positions.</summary>
    /// <param name="positions">Number of rows.</param>
    /// <param name="dim">C.</param>
    /// <returns>[positions, C].</returns>
    public static float[] Sinusoid(int positions, int dim)
    {
        float[] table = new float[checked(positions * dim)];
        for (int j = 0; j < dim; j++)
        {
            double period = Math.Pow(10000, 2 * (j / 2) / (double)dim);
            for (int position = 0; position < positions; position++)
            {
                double angle = position / period;
                table[(position * dim) + j] = (float)(j % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle));
            }
        }

        return table;
    }

    /// <summary>MAE's fixed table for a grid: the first half of the features encodes the column, the second the row; each half is all
    /// sines, then all cosines.</summary>
    /// <param name="dim">C, a multiple of 4.</param>
    /// <param name="grid">Rows and columns of patches.</param>
    /// <param name="clsToken">Whether a row of zeros for a class token stands ahead.</param>
    /// <returns>[(1 +) h·w, C].</returns>
    /// <exception cref="ArgumentException">C is not a multiple of 4.</exception>
    public static float[] SinCos2D(int dim, (int Height, int Width) grid, bool clsToken)
    {
        if (dim % 4 != 0)
            throw new ArgumentException($"PositionEmbeddings: a 2-D sine-cosine table needs a multiple of 4 features, got {dim}.");
        int first = clsToken ? 1 : 0, quarter = dim / 4;
        float[] table = new float[checked((first + (grid.Height * grid.Width)) * dim)];
        for (int y = 0; y < grid.Height; y++)
        {
            for (int x = 0; x < grid.Width; x++)
            {
                Span<float> row = table.AsSpan((first + (y * grid.Width) + x) * dim, dim);
                for (int i = 0; i < quarter; i++)
                {
                    double omega = 1 / Math.Pow(10000, i / (double)quarter);
                    row[i] = (float)Math.Sin(x * omega);
                    row[quarter + i] = (float)Math.Cos(x * omega);
                    row[(2 * quarter) + i] = (float)Math.Sin(y * omega);
                    row[(3 * quarter) + i] = (float)Math.Cos(y * omega);
                }
            }
        }

        return table;
    }

    private static Taps[] Filter(int from, int to)
    {
        Taps[] taps = new Taps[to];
        double scale = (double)from / to;
        for (int i = 0; i < to; i++)
        {
            double center = ((i + 0.5) * scale) - 0.5;
            int left = (int)Math.Floor(center);
            taps[i] = new Taps(left, center - left, from - 1);
        }

        return taps;
    }

    // Four neighbours of a point t to the right of `left`, and Keys' weights of them.
    private readonly record struct Taps(int Left, double T, int Last)
    {
        public int Index(int i) => Math.Clamp(Left - 1 + i, 0, Last);

        public double Weight(int i) => i switch
        {
            0 => Far(T + 1),
            1 => Near(T),
            2 => Near(1 - T),
            _ => Far(2 - T),
        };

        private static double Near(double d) => ((((CubicA + 2) * d) - (CubicA + 3)) * d * d) + 1;

        private static double Far(double d) => (((((CubicA * d) - (5 * CubicA)) * d) + (8 * CubicA)) * d) - (4 * CubicA);
    }
}
