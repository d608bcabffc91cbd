using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, float scale, Tensor c, bool accumulate)
    {
        (int groups, int m, int n) = (c.Shape.Rank == 3 ? c.Shape[0] : 1, c.Shape[^2], c.Shape[^1]);
        int k = a.Shape[transposeA ? ^2 : ^1];
        Operand left = transposeA ? Operand.Transposed(a.Type, m) : Operand.Dense(a.Type, k);
        Operand right = transposeB ? Operand.Transposed(b.Type, k) : Operand.Dense(b.Type, n);
        MatMulPlan plan =
            _matmul.Plan(new MatMulKey(1, m, n, k, left, right, Operand.Dense(c.Type, n), Scale: scale, Accumulate: accumulate));
        CpuParallel.For(groups, (g, worker) => plan.Run(worker, At(a, (long)g * m * k), At(b, (long)g * k * n), 0, At(c, (long)g * m * n)));
    }

    public override void Softmax(Tensor s, Tensor p)
    {
        int n = s.Shape[^1];
        RowBlocks blocks = new(s.Shape.Rows);
        CpuParallel.For(blocks.Count, (i, _) =>
        {
            (long row, int rows) = blocks[i];
            SoftmaxKernel.Forward(s.Floats + (row * n), n, rows, n, 1, null, n, At(p, row * n), p.Type, n);
        });
    }

    public override void SoftmaxBackward(Tensor p, Tensor dp, Tensor ds)
    {
        int n = p.Shape[^1];
        RowBlocks blocks = new(p.Shape.Rows);
        CpuParallel.For(blocks.Count, (i, _) =>
        {
            (long row, int rows) = blocks[i];
            SoftmaxKernel.Backward(At(p, row * n), p.Type, n, dp.Floats + (row * n), n, rows, n, 1, At(ds, row * n), ds.Type, n);
        });
    }

    public override void Permute(Tensor x, ReadOnlySpan<int> dims, ReadOnlySpan<int> axes, Tensor y)
    {
        // The last axis of y is walked in x by its stride; the others are counted like the digits of a clock.
        int last = axes.Length - 1;
        long[] strides = new long[axes.Length];
        int[] sizes = new int[axes.Length], at = new int[axes.Length];
        for (int i = 0; i < axes.Length; i++)
        {
            (strides[i], sizes[i]) = (1, dims[axes[i]]);
            for (int axis = axes[i] + 1; axis < dims.Length; axis++) strides[i] *= dims[axis];
        }

        for (long to = 0; to < x.Length; to += sizes[last])
        {
            long from = 0;
            for (int i = 0; i < last; i++) from += at[i] * strides[i];
            int run = strides[last] == 1 ? sizes[last] : 1;
            for (int j = 0; j < sizes[last]; j += run)
                Converter.Copy(At(x, from + (j * strides[last])), x.Type, At(y, to + j), y.Type, run);
            for (int i = last - 1; i >= 0 && ++at[i] == sizes[i]; i--) at[i] = 0;
        }

        GC.KeepAlive((x, y));
    }
}
