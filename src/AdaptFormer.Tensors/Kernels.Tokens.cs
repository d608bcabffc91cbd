using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>y[g] = mean of tokens start.. of x [G, N, C]; y is f32.</summary>
    public virtual void MeanTokens(Tensor x, int start, Tensor y)
    {
        (int n, int c) = (x.Shape[1], x.Shape[2]);
        Fill(y, 0);
        for (int g = 0; g < x.Shape[0]; g++)
        {
            using Tensor tokens = x.View(new Shape(n - start, c), (((long)g * n) + start) * c), mean = y.View(new Shape(c), (long)g * c);
            LinearBackwardBias(tokens, 1f / (n - start), mean);
        }
    }

    /// <summary>dx[g, i] = dy[g]/count for i ≥ start, else 0.</summary>
    public virtual void MeanTokensBackward(Tensor dy, int start, Tensor dx)
    {
        (int n, int c) = (dx.Shape[1], dx.Shape[2]);
        using Tensor shares = Temporary(dy.Shape);
        Scale(dy, 1f / (n - start), shares);
        InFloat32(dx, sum =>
        {
            Fill(sum, 0);
            for (int g = 0; g < dx.Shape[0]; g++)
            {
                using Tensor tokens = sum.View(new Shape(n - start, c), (((long)g * n) + start) * c);
                using Tensor share = shares.View(new Shape(c), (long)g * c);
                AddBroadcast(tokens, share, tokens);
            }
        });
    }

    /// <summary>y[j, i] = x[i, j] for x read as rows of <c>columns</c> numbers, f32.</summary>
    public virtual void Transpose(Tensor x, int columns, Tensor y)
    {
        Permute(x, [(int)(x.Length / columns), columns], [1, 0], y);
    }

    /// <summary>Every last-axis row of x, read as a matrix of <c>rows</c> rows, transposed; f32.</summary>
    public virtual void TransposeRows(Tensor x, int rows, Tensor y)
    {
        int size = x.Shape[^1];
        Permute(x, [(int)(x.Length / size), rows, size / rows], [0, 2, 1], y);
    }

    /// <summary>
    /// [B, C, T, H, W] → [B, (T/t)·(H/p)·(W/p), C·t·p·p]: non-overlapping tubelets of t frames as rows, channels outermost. Without
    /// T, and t = 1: patches.
    /// </summary>
    public virtual void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows)
    {
        (int frames, int height, int width) = (pixels.Shape.Rank == 5 ? pixels.Shape[2] : 1, pixels.Shape[^2], pixels.Shape[^1]);
        Permute(pixels, [pixels.Shape[0], pixels.Shape[1], frames / tubelet, tubelet, height / patch, patch, width / patch, patch],
            [0, 2, 4, 6, 1, 3, 5, 7], rows);
    }

    /// <summary>The inverse of <see cref="UnfoldCall"/>.</summary>
    public virtual void Fold(Tensor rows, int tubelet, int patch, Tensor pixels)
    {
        (int frames, int height, int width) = (pixels.Shape.Rank == 5 ? pixels.Shape[2] : 1, pixels.Shape[^2], pixels.Shape[^1]);
        Permute(rows, [pixels.Shape[0], frames / tubelet, height / patch, width / patch, pixels.Shape[1], tubelet, patch, patch],
            [0, 4, 1, 5, 2, 6, 3, 7], pixels);
    }

    /// <summary>
    /// y[n] = b + Σ over the 3×3 neighbours k of n in the grid of parts[k, tap of k]; see <c>GridConvOp</c>. parts is [B, N, 9·M], y [B,
    /// N, M], f32.
    /// </summary>
    public virtual void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
        (int batch, int n, int m) = (y.Shape[0], y.Shape[1], y.Shape[2]);
        (int[] from, int[] to, int[] taps) = GridTaps.Of(grid, n).Pairs();
        int[] parted = [.. from.Zip(taps, (token, tap) => (token * GridTaps.Count) + tap)];
        using Tensor byTap = parts.View(new Shape(batch, n * GridTaps.Count, m)), pairs = Temporary(new Shape(batch, to.Length, m));
        GatherTokens(byTap, Repeat(parted, batch), pairs);
        Fill(y, 0);
        if (bias is not null) AddBroadcast(y, bias, y);
        ScatterTokens(pairs, Repeat(to, batch), y);
    }

    /// <summary>The gradient of <see cref="SumTapsCall"/>: dParts[k, tap of k] = dy[n].</summary>
    public virtual void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
        (int batch, int n, int m) = (dy.Shape[0], dy.Shape[1], dy.Shape[2]);
        (int[] from, int[] to, int[] taps) = GridTaps.Of(grid, n).Pairs();
        int[] parted = [.. from.Zip(taps, (token, tap) => (token * GridTaps.Count) + tap)];
        using Tensor byTap = dParts.View(new Shape(batch, n * GridTaps.Count, m)), pairs = Temporary(new Shape(batch, to.Length, m));
        GatherTokens(dy, Repeat(to, batch), pairs);
        Fill(dParts, 0);
        ScatterTokens(pairs, Repeat(parted, batch), byTap);
    }

    /// <summary>
    /// y[n] = b + Σ over the 3×3 neighbours k of n in the grid of taps[tap of k]∘x[k], taps [9, M], f32; mirrored: with the kernel
    /// turned by 180°.
    /// </summary>
    public virtual void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y)
    {
        Fill(y, 0);
        if (bias is not null) AddBroadcast(y, bias, y);
        EachTap(x.Shape, grid, (tap, from, to) =>
        {
            int m = x.Shape[2];
            using Tensor seen = Temporary(new Shape(x.Shape[0], from.Length / x.Shape[0], m)), weighted = Temporary(seen.Shape);
            using Tensor weight = taps.View(new Shape(m), (long)(mirrored ? GridTaps.Count - 1 - tap : tap) * m);
            GatherTokens(x, from, seen);
            ScaleFeatures(seen, weight, null, weighted);
            ScatterTokens(weighted, to, y);
        });
    }

    /// <summary>dTaps += the gradient of <see cref="DepthwiseCall"/>.</summary>
    public virtual void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps)
    {
        EachTap(x.Shape, grid, (tap, from, to) =>
        {
            int m = x.Shape[2];
            using Tensor seen = Temporary(new Shape(x.Shape[0], from.Length / x.Shape[0], m)), gradient = Temporary(seen.Shape);
            using Tensor sum = dTaps.View(new Shape(m), (long)tap * m);
            GatherTokens(x, from, seen);
            GatherTokens(dy, to, gradient);
            SumProducts(seen, gradient, sum);
        });
    }

    /// <summary>For each tap of a 3×3 kernel, the tokens that it sees and those that it adds to, sample by sample.</summary>
    private static void EachTap(Shape x, TokenGrid grid, Action<int, int[], int[]> run)
    {
        (int[] from, int[] to, int[] taps) = GridTaps.Of(grid, x[1]).Pairs();
        for (int tap = 0; tap < GridTaps.Count; tap++)
        {
            int[] pairs = [.. Enumerable.Range(0, taps.Length).Where(i => taps[i] == tap)];
            if (pairs.Length > 0) run(tap, Repeat([.. pairs.Select(i => from[i])], x[0]), Repeat([.. pairs.Select(i => to[i])], x[0]));
        }
    }
}
