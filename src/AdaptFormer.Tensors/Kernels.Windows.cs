using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>
    /// Multi-head attention inside windows from a fused projection; see <c>WindowAttentionOp</c>. The padding's 3·C numbers are in the
    /// type of qkv.
    /// </summary>
    public virtual void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y)
    {
        using Tensor rows = IntoWindows(qkv, windows, padding), bias = RelativeBias(table, heads, windows);
        using Tensor? mask = Masks(windows);
        using Tensor output = Temporary(rows.Shape.WithLast(rows.Shape[2] / 3), y.Type);
        Attention(rows, heads, scale, bias, mask, output);
        OutOfWindows(output, windows, y);
    }

    /// <summary>dqkv of <see cref="WindowAttentionCall"/>, adding to the gradients of table and padding when given.</summary>
    public virtual void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable,
        Tensor? dPadding)
    {
        using Tensor rows = IntoWindows(qkv, windows, padding), dOutput = IntoWindows(dy, windows, null);
        using Tensor bias = RelativeBias(table, heads, windows), dBias = Constant(bias.Shape, 0), dRows = Temporary(rows.Shape, dqkv.Type);
        using Tensor? mask = Masks(windows);
        AttentionBackward(rows, heads, scale, bias, mask, dOutput, dRows, dBias);
        OutOfWindows(dRows, windows, dqkv);
        if (dTable is not null)
        {
            int[] places = windows.TableRowsOfPairs();
            using Tensor byPair = Temporary(new Shape(1, places.Length, heads)), sum = dTable.View(new Shape(1, windows.TableRows, heads));
            Permute(dBias, [heads, places.Length], [1, 0], byPair);
            ScatterTokens(byPair, places, sum);
        }

        if (dPadding is null) return;
        int[] tokens = windows.Tokens(), padded = [.. Enumerable.Range(0, tokens.Length).Where(i => tokens[i] < 0)];
        int batch = qkv.Shape[0], c = qkv.Shape[2];
        if (padded.Length == 0) return;
        using Tensor all = dRows.View(new Shape(batch, tokens.Length, c));
        using Tensor outside = Temporary(new Shape(batch, padded.Length, c), dRows.Type);
        GatherTokens(all, Repeat(padded, batch), outside);
        LinearBackwardBias(outside, 1, dPadding);
    }

    /// <summary>p [B, windows, h, N, N], f32: the softmax inside <see cref="WindowAttentionCall"/>.</summary>
    public virtual void WindowAttentionProbabilities(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p)
    {
        using Tensor rows = IntoWindows(qkv, windows, padding), bias = RelativeBias(table, heads, windows);
        using Tensor? mask = Masks(windows);
        using HeadParts s = new(this, rows, heads, rows.Shape[1]);
        Probabilities(s, scale, bias, mask, p);
    }

    /// <summary>Puts each 2×2 neighbourhood of tokens into one row; see <c>MergePatchesOp</c>.</summary>
    public virtual void MergePatches(Tensor x, TokenGrid grid, Tensor y)
    {
        using Tensor padded = WithZeroToken(x), rows = y.View(new Shape(x.Shape[0], 4 * grid.Merged.Count, x.Shape[2]));
        GatherTokens(padded, Repeat(Neighbours(grid, missing: grid.Count), x.Shape[0]), rows);
    }

    /// <summary>The inverse of <see cref="MergePatchesCall"/>.</summary>
    public virtual void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx)
    {
        int[] tokens = Neighbours(grid, missing: -1), places = new int[grid.Count];
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] >= 0) places[tokens[i]] = i;
        }

        using Tensor rows = dy.View(new Shape(dx.Shape[0], tokens.Length, dx.Shape[2]));
        GatherTokens(rows, Repeat(places, dx.Shape[0]), dx);
    }

    /// <summary>
    /// The tokens of x [B, N, C] window by window, [B·windows, n, C]; padding tokens are <paramref name="padding"/>, or zeros.
    /// </summary>
    private Tensor IntoWindows(Tensor x, WindowLayout windows, Tensor? padding)
    {
        (int batch, int n, int c) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        int[] tokens = [.. windows.Tokens().Select(token => token < 0 ? n : token)];
        using Tensor padded = WithZeroToken(x);
        if (padding is not null)
        {
            using Tensor row = padding.View(new Shape(1, 1, c));
            CopyTokens(row, 0, padded, n, 1, false);
        }

        Tensor rows = Temporary(new Shape(batch * windows.Counts.Count, windows.Window.Count, c), x.Type);
        using Tensor bySample = rows.View(new Shape(batch, tokens.Length, c));
        GatherTokens(padded, Repeat(tokens, batch), bySample);
        return rows;
    }

    private void OutOfWindows(Tensor rows, WindowLayout windows, Tensor y)
    {
        int[] tokens = windows.Tokens(), places = new int[windows.Size.Count];
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] >= 0) places[tokens[i]] = i;
        }

        using Tensor bySample = rows.View(new Shape(y.Shape[0], tokens.Length, y.Shape[2]));
        GatherTokens(bySample, Repeat(places, y.Shape[0]), y);
    }

    /// <summary>[heads, n, n] from a table [rows, heads].</summary>
    private Tensor RelativeBias(Tensor table, int heads, WindowLayout windows)
    {
        int[] places = windows.TableRowsOfPairs();
        using Tensor rows = table.View(new Shape(1, windows.TableRows, heads)), byPair = Temporary(new Shape(1, places.Length, heads));
        GatherTokens(rows, places, byPair);
        int n = windows.Window.Count;
        Tensor bias = Temporary(new Shape(heads, n, n));
        Permute(byPair, [places.Length, heads], [1, 0], bias);
        return bias;
    }

    /// <summary>[windows, n, n]; null where no window holds tokens from both ends of the grid.</summary>
    private Tensor? Masks(WindowLayout windows)
    {
        (int n, int count) = (windows.Window.Count, windows.Counts.Count);
        if (Enumerable.Range(0, count).All(window => windows.MaskOfWindow(window) is null)) return null;
        float[] all = new float[count * n * n];
        for (int window = 0; window < count; window++) windows.MaskOfWindow(window)?.CopyTo(all.AsSpan(window * n * n));
        return FromHost(all, new Shape(count, n, n));
    }

    /// <summary>x [B, N, C] with a token of zeros behind each sample's, [B, N + 1, C].</summary>
    private Tensor WithZeroToken(Tensor x)
    {
        Tensor padded = Temporary(new Shape(x.Shape[0], x.Shape[1] + 1, x.Shape[2]), x.Type);
        Fill(padded, 0);
        CopyTokens(x, 0, padded, 0, x.Shape[1], false);
        return padded;
    }

    /// <summary>The four tokens of each merged one, in the order of their parts.</summary>
    public static int[] Neighbours(TokenGrid grid, int missing)
    {
        TokenGrid merged = grid.Merged;
        int[] tokens = new int[4 * merged.Count];
        for (int i = 0; i < tokens.Length; i++)
        {
            (int place, int part) = Math.DivRem(i, 4);
            (int line, int column) = Math.DivRem(place, merged.W);
            (int frame, int row) = Math.DivRem(line, merged.H);
            (int h, int w) = ((2 * row) + (part & 1), (2 * column) + (part >> 1));
            tokens[i] = h < grid.H && w < grid.W ? (((frame * grid.H) + h) * grid.W) + w : missing;
        }

        return tokens;
    }

    private static int[] Repeat(int[] tokens, int batch)
    {
        int[] all = new int[tokens.Length * batch];
        for (int b = 0; b < batch; b++) tokens.CopyTo(all, b * tokens.Length);
        return all;
    }
}
