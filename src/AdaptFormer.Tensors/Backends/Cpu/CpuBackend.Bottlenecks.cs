using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

// The adapters of a pass, of one task or of many, in one call.
internal sealed unsafe partial class CpuBackend
{
    public override void AddBottlenecks(Tensor x, IReadOnlyList<(int Start, int Count, Bottleneck? Bottleneck)> runs, Tensor y)
    {
        int c = x.Shape[^1];
        int samples = x.Shape[0];
        long perSample = samples == 0 ? 0 : x.Length / samples / c;

        // Blocks as large as if all rows were of one task, cut where a task ends: 32 tasks with a picture each make as many as one with 32.
        List<(BottleneckPlan? Plan, long Row, int Rows)> work = [];
        foreach ((int start, int count, Bottleneck? bottleneck) in runs)
        {
            if (count == 0 || (bottleneck is null && x.Pointer == y.Pointer)) continue;
            BottleneckPlan? plan = bottleneck is null ? null : BottleneckPlan.Of(bottleneck, _matmul);
            RowBlocks blocks = RowBlocks.OfPart(count * perSample, samples * perSample);
            for (int i = 0; i < blocks.Count; i++) work.Add((plan, (start * perSample) + blocks[i].Start, blocks[i].Rows));
        }

        CpuParallel.For(work.Count, (i, worker) =>
        {
            (BottleneckPlan? plan, long row, int rows) = work[i];
            (nint from, nint to) = (At(x, row * c), At(y, row * c));
            if (plan is not null) plan.Run(_matmul, worker, from, to, rows);
            else Converter.Copy(from, DataType.Float32, to, DataType.Float32, (long)rows * c);
        });
    }

    /// <summary>One task's two products, ready to run on any number of rows.</summary>
    private sealed record BottleneckPlan(Bottleneck Task, WeightForm Down, WeightForm Up, MatMulKey ToHidden, MatMulKey ToSum)
    {
        public static BottleneckPlan Of(Bottleneck task, MatMulLibrary matmul)
        {
            (int m, int c) = task.Down.AsMatrix();
            WeightForm down = WeightForm.Packed(task.Down, task.Compute, matmul), up = WeightForm.Packed(task.Up, task.Compute, matmul);
            MatMulKey toHidden = new(1, 0, m, c, Operand.Dense(task.Compute, c), down.Layout, Operand.Dense(task.Compute, m), down.IsPacked,
                task.DownBias is not null, task.Activation);
            MatMulKey toSum = new(1, 0, c, m, Operand.Dense(task.Compute, m), up.Layout, Operand.Dense(DataType.Float32, c), up.IsPacked,
                task.UpBias is not null, Scale: task.Scale, Accumulate: true);
            return new BottleneckPlan(task, down, up, toHidden, toSum);
        }

        public void Run(MatMulLibrary matmul, Worker worker, nint from, nint to, int rows)
        {
            (int m, int c) = (ToHidden.N, ToSum.N);
            DataType compute = Task.Compute;
            (long inputBytes, long hiddenBytes) = ((long)rows * c * compute.Size(), (long)rows * m * compute.Size());
            nint hidden = (nint)worker.Workspace((nuint)(hiddenBytes + 64 + (compute == DataType.Float32 ? 0 : inputBytes))), input = from;
            if (compute != DataType.Float32)
            {
                input = hidden + (nint)((hiddenBytes + 63) / 64 * 64);
                Converter.Copy(from, DataType.Float32, input, compute, (long)rows * c);
            }

            matmul.Plan(ToHidden with { M = rows }).Run(worker, input, Down.Pointer, Task.DownBias?.Pointer ?? 0, hidden);
            if (from != to) Converter.Copy(from, DataType.Float32, to, DataType.Float32, (long)rows * c);
            matmul.Plan(ToSum with { M = rows }).Run(worker, hidden, Up.Pointer, Task.UpBias?.Pointer ?? 0, to);
        }
    }
}
