using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Export;

// Rows that move, and what looks at a grid of them.
internal sealed partial class Tracer
{
    private void CopyTokens(CopyTokensCall c)
    {
        if (c.Src is Parameter) _graph.Prefer(_names.Of(c.Src, "/rows"), c.Src.ToArray(), Longs(c.Src.Shape));
        if (!_memory.Holds(c.Src) && !_memory.Holds(c.Dst))
        {
            _inner.Invoke(c);
            return;
        }

        bool whole = c.DstStart == 0 && c.Count == c.Dst.Shape[1];
        if (c.Add || (_memory.Holds(c.Src) && c.Src.Shape[0] != c.Dst.Shape[0]))
            throw new NotSupportedException($"export: the model gathers {c.Src} into {c.Dst} across a batch, which a graph cannot say.");
        if (!_memory.Holds(c.Src))
        {
            TracedTokens filled = Tokens(c.Dst);
            if (whole) _memory.Set(c.Dst, null);
            _inner.Invoke(c);
            filled.Clear(c.DstStart, c.Count);
            return;
        }

        string source = Read(c.Src);
        if (whole) _memory.Set(c.Dst, Node(c.Dst, () => Rows(source, c.SrcStart, c.Count, c.Src.Shape[1])));
        else Tokens(c.Dst).Put(c.DstStart, c.Count, (first, count) => Rows(source, c.SrcStart + first, count, c.Src.Shape[1]));
    }

    /// <summary>The rows of a tensor that is being filled.</summary>
    private TracedTokens Tokens(Tensor tensor)
    {
        object? there = _memory.Find(tensor);
        if (there is TracedTokens filling) return filling;
        TracedTokens tokens = new(tensor.Shape);
        if (there is Traced)
        {
            string before = Read(tensor);
            tokens.Put(0, tensor.Shape[1], (first, count) => Rows(before, first, count, tensor.Shape[1]));
        }

        _memory.Set(tensor, tokens);
        return tokens;
    }

    /// <summary>Rows of [G, N, C].</summary>
    private string Rows(string x, int start, int count, int of) => count == of
        ? x
        : Op("Slice", x, _graph.Numbers(start), _graph.Numbers(start + count), _graph.Numbers(1));

    /// <summary>[G, N, C] with one more row, the same for all.</summary>
    private string WithRow(string x, float[] row)
    {
        string groups = _graph.Node("Shape", [x], new OnnxAttribute("start", 0L), new OnnxAttribute("end", 1L));
        string shape = _graph.Node("Concat", [groups, _graph.Numbers(1, row.Length)], new OnnxAttribute("axis", 0L));
        string rows = Op("Expand", _graph.Constant("/row", row, 1, 1, row.Length), shape);
        return _graph.Node("Concat", [x, rows], new OnnxAttribute("axis", 1L));
    }

    /// <summary>Rows of [G, N, C], as many as are named.</summary>
    private string Picked(string x, int[] rows)
    {
        long[] numbers = [.. rows];
        string order = _graph.Constant("/order", OnnxElement.Int64, MemoryMarshal.AsBytes<long>(numbers), rows.Length);
        return _graph.Node("Gather", [x, order], new OnnxAttribute("axis", 1L));
    }

    private Traced GatherTokens(GatherTokensCall c)
    {
        int count = c.Y.Shape[1];
        int[] rows = c.Tokens[..count];
        for (int b = 1; b < c.Y.Shape[0]; b++)
        {
            if (!c.Tokens.AsSpan(b * count, count).SequenceEqual(rows))
                throw new NotSupportedException("export: the model picks other tokens of each sample, which a graph cannot say.");
        }

        return Node(c.Y, () => Picked(Read(c.X), rows));
    }

    /// <summary>Every row, read as a matrix, transposed.</summary>
    private Traced TransposeRows(TransposeRowsCall c)
    {
        int size = c.X.Shape[^1];
        return Node(c.Y, () =>
        {
            string matrices = Op("Reshape", Read(c.X), _graph.Numbers(-1, c.Rows, size / c.Rows));
            return Op("Reshape", _graph.Node("Transpose", [matrices], new OnnxAttribute("perm", 0L, 2L, 1L)), Axes(c.Y.Shape));
        });
    }

    /// <summary>[B, C, T, H, W] → [B, (T/t)·(H/p)·(W/p), C·t·p·p].</summary>
    private Traced Unfold(UnfoldCall c)
    {
        Traced pixels = Value(c.Pixels);
        Shape shape = c.Pixels.Shape;
        (long frames, long height, long width) = (shape.Rank == 5 ? shape[2] : 1, shape[^2], shape[^1]);
        return new Traced(c.Rows.Shape, () =>
        {
            string cut = Op("Reshape", pixels.Name, _graph.Numbers(
                -1, shape[1], frames / c.Tubelet, c.Tubelet, height / c.Patch, c.Patch, width / c.Patch, c.Patch));
            return Op("Reshape", _graph.Node("Transpose", [cut], new OnnxAttribute("perm", 0L, 2L, 4L, 6L, 1L, 3L, 5L, 7L)),
                Axes(c.Rows.Shape));
        })
        { Unfolded = (pixels, c.Tubelet, c.Patch) };
    }

    /// <summary>Four neighbours in one row; zeros beyond the grid.</summary>
    private Traced MergePatches(MergePatchesCall c)
    {
        int[] rows = Kernels.Neighbours(c.Grid, missing: c.Grid.Count);
        return Node(c.Y, () =>
        {
            string x = Read(c.X);
            if (rows.Contains(c.Grid.Count)) x = WithRow(x, new float[c.X.Shape[2]]);
            return Op("Reshape", Picked(x, rows), Axes(c.Y.Shape));
        });
    }

    /// <summary>y[n] = b + Σ over the neighbours k of n of parts[k, tap of k].</summary>
    private Traced SumTaps(SumTapsCall c)
    {
        (int n, int m) = (c.Y.Shape[1], c.Y.Shape[2]);
        int[] rows = [.. Seen(c.Grid,
            n).Select((token, place) => token < 0 ? n * GridTaps.Count : (token * GridTaps.Count) + (place % GridTaps.Count))];
        return Node(c.Y, () =>
        {
            string parts = WithRow(Op("Reshape", Read(c.Parts), _graph.Numbers(-1, (long)n * GridTaps.Count, m)), new float[m]);
            string seen = Op("Reshape", Picked(parts, rows), _graph.Numbers(-1, n, GridTaps.Count, m));
            return WithBias(Reduce("ReduceSum", seen, axis: 2), c.Bias);
        });
    }

    /// <summary>y[n] = b + Σ over the neighbours k of n of taps[tap of k]∘x[k].</summary>
    private Traced Depthwise(DepthwiseCall c)
    {
        (int n, int m) = (c.Y.Shape[1], c.Y.Shape[2]);
        int[] rows = [.. Seen(c.Grid, n).Select(token => token < 0 ? n : token)];
        if (c.Mirrored) throw new NotSupportedException("export: a gradient is no part of a prediction.");
        return Node(c.Y, () =>
        {
            string seen = Op("Reshape", Picked(WithRow(Read(c.X), new float[m]), rows), _graph.Numbers(-1, n, GridTaps.Count, m));
            string weighted = Op("Mul", seen, _graph.Constant("/taps", Numbers(c.Taps), GridTaps.Count, m));
            return WithBias(Reduce("ReduceSum", weighted, axis: 2), c.Bias);
        });
    }

    private string WithBias(string x, Tensor? bias) => bias is null ? x : Op("Add", x, Constant(bias, "/bias"));

    /// <summary>For each token and each tap of a 3×3 kernel over it, the token that the tap sees; −1 for none.</summary>
    private static int[] Seen(TokenGrid grid, int tokens)
    {
        int[] seen = [.. Enumerable.Repeat(-1, tokens * GridTaps.Count)];
        (int[] from, int[] to, int[] taps) = GridTaps.Of(grid, tokens).Pairs();
        for (int i = 0; i < from.Length; i++) seen[(to[i] * GridTaps.Count) + taps[i]] = from[i];
        return seen;
    }
}
