using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using Xunit;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>Random operands for one key, run by a library and by the scalar equation.</summary>
internal static class MatMulCase
{
    /// <summary>
    /// Fails unless <paramref name="library"/> equals the equation within <paramref name="tolerance"/> of the largest value (by
    /// default what the type of C can hold) and leaves every other byte alone. With packed B the strides of the key's B are those of the f32 source.
    /// </summary>
    public static string AssertEqualsEquation(MatMulLibrary library, MatMulKey key, double? tolerance = null)
    {
        using NativeMatrix a = NativeMatrix.Random(key.A.Type, Extent(key.A, key.Batch, key.M, key.K), 1);
        using NativeMatrix b = NativeMatrix.Random(key.B.Type, Extent(key.B, key.Batch, key.K, key.N), 2);
        using NativeMatrix bias = NativeMatrix.Random(DataType.Float32, key.N, 3);
        using NativeMatrix before = NativeMatrix.Random(key.C.Type, Extent(key.C, key.Batch, key.M, key.N), 4);
        using NativeMatrix expected = before.Copy(), actual = before.Copy();
        nint biasPointer = key.Bias ? bias.Pointer : 0;

        new ScalarMatMul().Plan(key with { PackedB = false }).Run(Worker.Current, a.Pointer, b.Pointer, biasPointer, expected.Pointer);
        MatMulPlan plan = library.Plan(key);
        using PackedMatrix? packed = key.PackedB ? library.Pack(key.K, key.N, b.Pointer, key.B, key.B.Type) : null;
        plan.Run(Worker.Current, a.Pointer, packed?.Pointer ?? b.Pointer, biasPointer, actual.Pointer);

        double worst = 0, largest = 0;
        for (long i = 0; i < before.Count; i++)
        {
            worst = Math.Max(worst, Math.Abs((double)actual[i] - expected[i]));
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        double limit = tolerance ?? (key.C.Type == DataType.BFloat16 ? 4e-3 : 2e-6);
        Assert.True(worst <= limit * largest, $"{plan.Implementation}: off by {worst / largest:g3} of the largest value, {limit:g3} allowed; {key}.");
        Assert.True(actual.GuardsIntact(), $"{plan.Implementation} wrote outside C; {key}.");
        AssertGapsIntact(key, before, actual);
        return plan.Implementation;
    }

    /// <summary>Elements from the first to the last that the layout reaches.</summary>
    public static long Extent(Operand o, int batch, int rows, int columns) =>
        (batch - 1) * o.BatchStride + (rows - 1) * o.RowStride + (columns - 1) * o.ColumnStride + 1;

    private static void AssertGapsIntact(MatMulKey key, NativeMatrix before, NativeMatrix after)
    {
        bool[] reached = new bool[before.Count];
        for (int z = 0; z < key.Batch; z++)
            for (int m = 0; m < key.M; m++)
                for (int n = 0; n < key.N; n++) reached[z * key.C.BatchStride + m * key.C.RowStride + n] = true;

        for (long i = 0; i < before.Count; i++)
            if (!reached[i]) Assert.Equal(before[i], after[i]);
    }
}
