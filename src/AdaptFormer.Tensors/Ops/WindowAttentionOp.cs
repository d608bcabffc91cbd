using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Multi-head self-attention inside (shifted) windows, y = softmax(s·Q·Kᵀ + B + mask)·V, where B[i, j] is the table's entry for the
/// relative position of tokens i and j.
/// Tokens stay in their grid's order on both sides: rolling, padding, cutting and putting together again happen while a window is read and
/// written.
/// </summary>
/// <remarks>Swin, arXiv:2103.14030, eq. (4); Video Swin, arXiv:2106.13230, eq. (2).</remarks>
public static class WindowAttentionOp
{
    extension(Tensor qkv)
    {
        /// <summary>Attention of the tokens of every window over their own window.</summary>
        /// <param name="heads">h; divides C.</param>
        /// <param name="windows">How the grid is cut.</param>
        /// <param name="table">Relative position biases, [<see cref="WindowLayout.TableRows"/>, h], f32; may train.</param>
        /// <param name="padding">Queries, keys and values of a padding token, 3·C numbers: what the projection makes of zeros. May train;
        /// zeros if null.</param>
        /// <param name="scale">s; 1/√D for head size D if null.</param>
        /// <returns>[B, N, C].</returns>
        /// <remarks>
        /// qkv is [B, N, 3·C] with N the grid's tokens, the columns of Q, K, V one after another and the heads of each side by side. The
        /// backward pass keeps qkv alone.
        /// </remarks>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor WindowAttention(int heads, WindowLayout windows, Tensor table, Tensor? padding = null, float? scale = null)
        {
            Check("WindowAttention", qkv, heads, windows, table, padding);
            int c = qkv.Shape[2] / 3;
            float s = scale ?? 1 / MathF.Sqrt((float)c / heads);
            Tensor? outside = Outside(qkv, windows, padding);
            Tensor y = qkv.NewEmpty(new Shape(qkv.Shape[0], qkv.Shape[1], c), qkv.Type);
            new WindowAttentionCall(qkv, heads, s, windows, table, outside, y).Run();
            return y.Record([qkv, table, padding], keep: [qkv, table, outside], dy =>
            {
                Tensor? dTable = table.NeedsGrad ? qkv.NewFull(table.Shape, 0) : null;
                Tensor? dPadding = padding is { NeedsGrad: true } ? qkv.NewFull(padding.Shape, 0) : null;
                Tensor dqkv = qkv.NewEmpty(qkv.Shape, qkv.Type);
                new WindowAttentionBackwardCall(qkv, heads, s, windows, table, outside, dy.As(qkv.Type), dqkv, dTable, dPadding).Run();
                if (qkv.NeedsGrad) qkv.AddGrad(dqkv);
                if (dTable is not null) table.AddGrad(dTable);
                if (dPadding is not null) padding!.PassGrad(dPadding);
            });
        }

        /// <summary>
        /// The weights inside <see cref="WindowAttention"/>: how much each token of a window reads of each other. For looking at; no
        /// gradient passes through.
        /// </summary>
        /// <param name="heads">h; divides C.</param>
        /// <param name="windows">How the grid is cut.</param>
        /// <param name="table">Relative position biases, [<see cref="WindowLayout.TableRows"/>, h], f32.</param>
        /// <param name="padding">Queries, keys and values of a padding token, 3·C numbers; zeros if null.</param>
        /// <param name="scale">s; 1/√D for head size D if null.</param>
        /// <returns>[B, windows, h, N, N] for windows of N tokens, f32: rows are the tokens that ask, and sum to 1.</returns>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor WindowAttentionProbabilities(
            int heads, WindowLayout windows, Tensor table, Tensor? padding = null, float? scale = null)
        {
            Check("WindowAttentionProbabilities", qkv, heads, windows, table, padding);
            (int n, int c) = (windows.Window.Count, qkv.Shape[2] / 3);
            Tensor p = qkv.NewEmpty(new Shape(qkv.Shape[0], windows.Counts.Count, heads, n, n));
            float s = scale ?? 1 / MathF.Sqrt((float)c / heads);
            new WindowAttentionProbabilitiesCall(qkv, heads, s, windows, table, Outside(qkv, windows, padding), p).Run();
            return p;
        }
    }

    private static Tensor? Outside(Tensor qkv, WindowLayout windows, Tensor? padding) =>
        windows.Pads ? (padding ?? qkv.NewZeros(qkv.Shape[2])).As(qkv.Type) : null;

    private static void Check(string op, Tensor qkv, int heads, WindowLayout windows, Tensor table, Tensor? padding)
    {
        if (qkv.Shape.Rank != 3 || heads <= 0 || qkv.Shape[2] % (3 * heads) != 0 || qkv.Shape[1] != windows.Size.Count)
            Throw.Shape(op, $"qkv must be [B, {windows.Size}, 3·C] with C a multiple of {heads} heads", ("qkv", qkv));
        if (table.Shape != new Shape(windows.TableRows, heads) || table.Type != DataType.Float32)
            Throw.Shape(op, $"table must be [{windows.TableRows}, {heads}] for windows of {windows.BiasWindow}", ("table", table));
        if (padding is not null && padding.Length != qkv.Shape[2])
            Throw.Shape(op, "padding must have 3·C numbers", ("qkv", qkv), ("padding", padding));
    }
}
