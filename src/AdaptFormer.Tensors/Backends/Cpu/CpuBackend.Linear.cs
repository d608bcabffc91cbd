using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    private const int SumBlock = 512;

    public override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        if (weight is Parameter { InBytes: true, Trainable: false } frozen)
        {
            LinearInBytes(x, frozen, bias, residual, scale, epilogue, y);
            return;
        }

        (int n, int k) = weight.AsMatrix();
        WeightForm w = WeightForm.Of(weight, x.Type, backward: false, _matmul);
        MatMulKey key = new(1, 0, n, k, Operand.Dense(x.Type, k), w.Layout, Operand.Dense(y.Type, n),
            w.IsPacked, bias is not null, epilogue, scale, residual is not null);
        RowBlocks blocks = new(y.Length / n);
        CpuParallel.For(blocks.Count, (i, worker) =>
        {
            (long row, int m) = blocks[i];
            if (residual is not null && residual.Pointer != y.Pointer)
                Converter.Copy(At(residual, row * n), residual.Type, At(y, row * n), y.Type, (long)m * n);
            _matmul.Plan(key with { M = m }).Run(worker, At(x, row * k), w.Pointer, bias?.Pointer ?? 0, At(y, row * n));
        });
    }

    private void LinearInBytes(Tensor x, Parameter weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        (int n, int k) = weight.AsMatrix();
        ByteForm form = ByteForm.Of(weight, _matmul);
        RowBlocks blocks = new(y.Length / n);
        ByteEpilogue rest = new(bias is null ? null : bias.Floats, scale, epilogue);
        CpuParallel.For(blocks.Count, (i, worker) =>
        {
            (long row, int m) = blocks[i];
            float* other = residual is null ? null : residual.Floats + (row * n);
            ByteLinear.Run(worker, form, At(x, row * k), x.Type, m, k, rest, other, At(y, row * n), y.Type);
        });
    }

    public override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y)
    {
        (int n, int k) = weight.AsMatrix();
        WeightForm w = WeightForm.Of(weight, x.Type, backward: false, _matmul);
        MatMulKey key = new(1, 0, n, k, Operand.Dense(x.Type, k), w.Layout, Operand.Dense(y.Type, n), w.IsPacked, bias is not null);
        RowBlocks blocks = new(y.Length / n);
        CpuParallel.For(blocks.Count, (i, worker) =>
        {
            (long row, int m) = blocks[i];
            (long start, long count) = (row * n, (long)m * n);
            _matmul.Plan(key with { M = m }).Run(worker, At(x, row * k), w.Pointer, bias?.Pointer ?? 0, At(y, start));
            GeluSlope.Forward(At(y, start), y.Type, At(y, start), y.Type, At(kept, start), kept.Type, count);      // in place
        });
    }

    public override void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre) => Sweep(dPre.Length, (start, n) =>
        GeluSlope.Backward(At(kept, start), kept.Type, At(dy, start), dy.Type, At(dPre, start), dPre.Type, n));

    public override void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate)
    {
        (int k, int n) = weight.AsMatrix();
        WeightForm w = WeightForm.Of(weight, dy.Type, backward: true, _matmul);
        MatMulKey key = new(1, 0, n, k, Operand.Dense(dy.Type, k), w.Layout, Operand.Dense(dx.Type, n),
            w.IsPacked, Scale: scale, Accumulate: accumulate);
        RowBlocks blocks = new(dx.Length / n);
        CpuParallel.For(blocks.Count, (i, worker) =>
        {
            (long row, int m) = blocks[i];
            _matmul.Plan(key with { M = m }).Run(worker, At(dy, row * k), w.Pointer, 0, At(dx, row * n));
        });
    }

    public override void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight)
    {
        (int o, int i) = dWeight.AsMatrix();
        int rows = checked((int)(x.Length / i));
        MatMulKey key = new(1, 0, i, rows, Operand.Transposed(dy.Type, o), Operand.Dense(x.Type, i), Operand.Dense(DataType.Float32, i),
            Scale: scale, Accumulate: true);
        RowBlocks blocks = RowBlocks.OfWeightGradient(o);
        CpuParallel.For(blocks.Count, (block, worker) =>
        {
            (long row, int m) = blocks[block];
            _matmul.Plan(key with { M = m }).Run(worker, At(dy, row), x.Pointer, 0, At(dWeight, row * i));
        });
    }

    public override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias)
    {
        int c = (int)dBias.Length;
        SumBlocks(dy.Length / c, c, (start, rows, sum) => Reduction.SumRows(At(dy, start * c), dy.Type, rows, c, sum), scale, dBias);
    }

    /// <summary>
    /// result += scale·Σ of per-block sums, added in block order: the cut depends on the number of rows alone, so the bits do not depend
    /// on threads.
    /// </summary>
    private void SumBlocks(long rows, int c, SumRowsBody body, float scale, Tensor result)
    {
        int blocks = (int)Math.Max(1, (rows + SumBlock - 1) / SumBlock);
        using Tensor partial = new(new Shape(blocks, c), DataType.Float32, Allocate(blocks * c * 4L), scoped: false);
        partial.Span.Clear();
        CpuParallel.For(blocks, (i, _) =>
        {
            long start = (long)i * SumBlock;
            body(start, Math.Min(SumBlock, rows - start), partial.Floats + ((long)i * c));
        });
        for (int i = 0; i < blocks; i++)
        {
            Elementwise.AddInto(result.Floats, (nint)(partial.Floats + ((long)i * c)), DataType.Float32, scale, c);
        }
    }

    private delegate void SumRowsBody(long start, long rows, float* sum);
}
