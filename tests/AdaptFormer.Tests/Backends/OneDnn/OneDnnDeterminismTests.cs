using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.OneDnn.OneDnnTestLibrary;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>The bits of a product depend neither on the thread that runs it nor on how its rows or heads are shared out.</summary>
public sealed class OneDnnDeterminismTests
{
    private const DataType F32 = DataType.Float32, Bf16 = DataType.BFloat16;

    [Theory]
    [InlineData(F32)]
    [InlineData(Bf16)]
    public void Threads_that_share_a_plan_do_not_disturb_each_other(DataType type)
    {
        const int M = 66, I = 200, O = 96, Rounds = 20, Threads = 4;
        OneDnnMatMul library = Open(type);
        MatMulKey key = OneDnnMatMulTests.Linear(M, I, O, type, F32) with { PackedB = true };
        using NativeMatrix w = NativeMatrix.Random(type, I * O, 1), a = NativeMatrix.Random(type, Threads * M * I, 2);
        using PackedMatrix packed = library.Pack(I, O, w.Pointer, key.B, type);
        byte[][] alone = [.. Enumerable.Range(0, Threads).Select(Run)];

        List<string> wrong = [];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            for (int round = 0; round < Rounds; round++)
                if (!Run(t).AsSpan().SequenceEqual(alone[t])) lock (wrong) wrong.Add($"thread {t}, round {round}");
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Empty(wrong);

        byte[] Run(int part)
        {
            using NativeMatrix c = new(F32, M * O);
            library.Plan(key).Run(Worker.Current, a.Pointer + part * M * I * type.Size(), packed.Pointer, 0, c.Pointer);
            return c.Bytes();
        }
    }

    [Theory]
    [InlineData(F32, true)]
    [InlineData(F32, false)]
    [InlineData(Bf16, true)]
    [InlineData(Bf16, false)]
    public void Rows_may_be_shared_out_in_any_way_but_one_by_one(DataType type, bool packedWeights)
    {
        const int M = 50, I = 768, O = 80;
        OneDnnMatMul library = Open(type);
        MatMulKey key = OneDnnMatMulTests.Linear(M, I, O, type, F32) with { PackedB = packedWeights, Bias = true, Epilogue = Epilogue.Gelu };
        using NativeMatrix w = NativeMatrix.Random(type, I * O, 1), a = NativeMatrix.Random(type, M * I, 2), bias = NativeMatrix.Random(F32, O, 3);
        using PackedMatrix? packed = packedWeights ? library.Pack(I, O, w.Pointer, key.B, type) : null;
        nint weights = packed?.Pointer ?? w.Pointer;

        byte[] whole = Split([M]);
        Assert.Equal(whole, Split([25, 25]));
        Assert.Equal(whole, Split([2, 3, 45]));
        Assert.Equal(whole, Split([16, 17, 17]));
        Assert.Equal(whole, Split([.. Enumerable.Repeat(5, 10)]));

        byte[] Split(int[] parts)
        {
            using NativeMatrix c = new(F32, M * O);
            int[] starts = [.. parts.Select((_, i) => parts[..i].Sum())];
            CpuParallel.For(parts.Length, (i, worker) => library.Plan(key with { M = parts[i] }).Run(
                worker, a.Pointer + starts[i] * I * type.Size(), weights, bias.Pointer, c.Pointer + starts[i] * O * 4));
            return c.Bytes();
        }
    }

    [Theory]
    [InlineData(F32)]
    [InlineData(Bf16)]
    public void Heads_may_be_shared_out_in_any_way(DataType type)
    {
        const int Heads = 6, N = 50, D = 64, C = Heads * D;
        OneDnnMatMul library = Open(type);
        MatMulKey key = new(Heads, N, N, D, new(type, 3 * C, 1, D), new(type, 1, 3 * C, D), new(F32, N, 1, N * N), Scale: 0.125f);
        using NativeMatrix qkv = NativeMatrix.Random(type, N * 3 * C, 1);
        Assert.Equal(Split(6), Split(1));
        Assert.Equal(Split(6), Split(2));

        byte[] Split(int heads)
        {
            using NativeMatrix s = new(F32, Heads * N * N);
            CpuParallel.For(Heads / heads, (i, worker) =>
            {
                nint q = qkv.Pointer + i * heads * D * type.Size();
                library.Plan(key with { Batch = heads }).Run(worker, q, q + C * type.Size(), 0, s.Pointer + i * heads * N * N * 4);
            });
            return s.Bytes();
        }
    }
}
