using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    public override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add)
    {
        int c = dst.Shape[2];
        long size = (long)count * c, n = size * dst.Shape[0];
        Each(KernelNames.CopyTokens, n, src, src.Shape[0], (long)src.Shape[1], (long)srcStart, dst, dst.Shape[0], (long)dst.Shape[1],
            (long)dstStart,
            size, c, add, n);
    }

    public override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
        using Tensor uploaded = Upload(tokens);
        Each(KernelNames.GatherTokens, y.Length, x, Argument.Pointer(uploaded), tokens.Length / x.Shape[0], (long)x.Shape[1], x.Shape[2],
            y, y.Length);
    }

    public override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
        (int groups, int n, int c) = (dx.Shape[0], dx.Shape[1], dx.Shape[2]);
        int k = tokens.Length / groups;
        int[] places = new int[tokens.Length];
        for (int i = 0; i < places.Length; i++) places[i] = (i / k * n) + tokens[i];
        (int[] starts, int[] order) = ByPlace(places, groups * n);
        using Tensor first = Upload(starts), then = Upload(order);
        Each(KernelNames.ScatterTokens, dx.Length, dy, Argument.Pointer(first), Argument.Pointer(then), c, dx, dx.Length);
    }

    public override void Permute(Tensor x, ReadOnlySpan<int> dims, ReadOnlySpan<int> axes, Tensor y)
    {
        Span<long> strides = stackalloc long[dims.Length];
        long stride = 1;
        for (int axis = dims.Length - 1; axis >= 0; stride *= dims[axis--]) strides[axis] = stride;
        Axes order = new() { Count = axes.Length };
        for (int axis = 0; axis < axes.Length; axis++) (order.Lengths[axis], order.Strides[axis]) = (dims[axes[axis]], strides[axes[axis]]);
        _context.Launch(KernelNames.Permute, (y.Length + PerBlock - 1) / PerBlock, 1, [x, y, y.Length], &order);
    }

    public override void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
        (int n, int m) = (y.Shape[1], y.Shape[2]);
        Each(KernelNames.SumTaps, y.Length, parts, n, n - grid.Count, grid.H, grid.W, m, bias, y, y.Length);
    }

    public override void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
        (int n, int m) = (dy.Shape[1], dy.Shape[2]);
        Each(KernelNames.SpreadTaps, dParts.Length, dy, n, n - grid.Count, grid.H, grid.W, m, dParts, dParts.Length);
    }

    public override void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y)
    {
        (int n, int m) = (y.Shape[1], y.Shape[2]);
        Each(KernelNames.Depthwise, y.Length, x, n, n - grid.Count, grid.H, grid.W, m, taps, bias, mirrored, y, y.Length);
    }

    public override void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps)
    {
        (int n, int m, int sums) = (x.Shape[1], x.Shape[2], (int)dTaps.Length);
        (long lines, long strip, int strips) = Strips((long)x.Shape[0] * n);
        using Tensor partial = Temporary(new Shape(strips, sums));
        _context.Launch(DepthwiseWeight, (sums + PerBlock - 1) / PerBlock, strips,
            [x, n, n - grid.Count, grid.H, grid.W, m, dy, lines, strip, partial, (long)sums]);
        Each(ColumnEnd, sums, partial, strips, sums, 1f, dTaps);
    }

    public override void MergePatches(Tensor x, TokenGrid grid, Tensor y) =>
        Each(KernelNames.MergePatches, y.Length, x, grid.Count, grid.H, grid.W, x.Shape[2], y, y.Length);

    public override void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx) =>
        Each(KernelNames.SplitPatches, dx.Length, dy, grid.Count, grid.H, grid.W, dx.Shape[2], dx, dx.Length);

    /// <summary>The structure of that name in tokens.cu.</summary>
    private struct Axes
    {
        public int Count;
        public Lengths9 Lengths;
        public Strides9 Strides;
    }

    [System.Runtime.CompilerServices.InlineArray(9)]
    private struct Lengths9
    {
        private int _first;
    }

    [System.Runtime.CompilerServices.InlineArray(9)]
    private struct Strides9
    {
        private long _first;
    }
}
