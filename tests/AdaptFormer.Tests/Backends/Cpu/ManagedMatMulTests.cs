using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.Cpu.KernelData;

namespace AdaptFormer.Tests.Backends.Cpu;

public sealed class ManagedMatMulTests
{
    private static readonly ManagedMatMul Library = ManagedMatMul.Instance;

    /// <summary>M, N, K around the tiles of every instruction set and beyond the blocks.</summary>
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 33, 7 }, { 5, 7, 9 }, { 6, 16, 4 }, { 7, 17, 5 }, { 11, 31, 3 }, { 12, 32, 8 }, { 13, 33, 12 }, { 19, 65, 31 },
        { 24, 40, 64 }, { 50, 20, 97 }, { 253, 9, 5 }, { 7, 35, 1601 }, { 3, 5, 0 },
    };

    public static TheoryData<DataType, DataType, DataType> Mixes
    {
        get
        {
            TheoryData<DataType, DataType, DataType> all = [];
            foreach (DataType a in Types)
                foreach (DataType b in Types)
                    foreach (DataType c in Types) all.Add(a, b, c);
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_size_equals_the_equation(int m, int n, int k)
    {
        MatMulCase.AssertEqualsEquation(Library, Linear(m, k, n, F32, F32, F32));
        MatMulCase.AssertEqualsEquation(Library, Linear(m, k, n, F32, F32, F32) with { B = Operand.Dense(F32, n), Bias = true, Accumulate = true });
        if (k == 0) return;
        MatMulCase.AssertEqualsEquation(Library, Linear(m, k, n, F32, F32, F32) with { PackedB = true, B = Operand.Dense(F32, n) });
        MatMulCase.AssertEqualsEquation(Library, Linear(m, k, n, F32, Bf16, Bf16) with { PackedB = true, B = Operand.Dense(Bf16, n) });
    }

    [Theory]
    [MemberData(nameof(Mixes))]
    public void Every_mix_of_types_equals_the_equation(DataType a, DataType b, DataType c)
    {
        foreach (bool packed in new[] { false, true })
        {
            MatMulKey key = Linear(37, 71, 93, a, b, c) with { PackedB = packed, B = packed ? Operand.Dense(b, 93) : Operand.Transposed(b, 71) };
            MatMulCase.AssertEqualsEquation(Library, key);
            MatMulCase.AssertEqualsEquation(Library, key with { Bias = true, Epilogue = Epilogue.Gelu });
            MatMulCase.AssertEqualsEquation(Library, key with { Bias = true, Epilogue = Epilogue.Relu, Scale = 0.3f });
            MatMulCase.AssertEqualsEquation(Library, key with { Bias = true, Scale = -1.7f, Accumulate = true });
            Operand longB = packed ? Operand.Dense(b, 93) : Operand.Transposed(b, 1603);
            MatMulKey blocks = key with { M = 7, N = 35, K = 1603, A = Operand.Dense(a, 1603), B = longB };    // k in blocks, C with gaps
            double? tolerance = c == F32 ? 4e-6 : null;    // 1603 terms, each rounded twice where there is no fused multiply-add
            MatMulCase.AssertEqualsEquation(Library, blocks with { Epilogue = Epilogue.Gelu, Accumulate = true }, tolerance);
        }
    }

    [Theory]
    [InlineData(DataType.Float32)]
    [InlineData(DataType.BFloat16)]
    public void Attention_reads_and_writes_in_place(DataType type)
    {
        const int heads = 3, n = 37, d = 16, c = heads * d, ld = 48;
        Operand qkv = new(type, 3 * c, 1, d), transposed = new(type, 1, 3 * c, d), scores = new(F32, ld, 1, n * ld), p = new(type, ld, 1, n * ld);
        MatMulCase.AssertEqualsEquation(Library, new(heads, n, n, d, qkv, transposed, scores));
        MatMulCase.AssertEqualsEquation(Library, new(heads, n, d, n, p, qkv, new(type, c, 1, d)));
        MatMulCase.AssertEqualsEquation(Library, new(heads, n, d, n, new(type, 1, ld, n * ld), qkv, new(type, 3 * c, 1, d)));
    }

    [Fact]
    public void Weight_gradients_sum_over_all_tokens()
    {
        const int tokens = 1700, o = 14, i = 35;
        MatMulKey key = new(1, o, i, tokens, Operand.Transposed(F32, o), Operand.Dense(F32, i), Operand.Dense(F32, i), Accumulate: true);
        MatMulCase.AssertEqualsEquation(Library, key);
        MatMulCase.AssertEqualsEquation(Library, key with { A = Operand.Transposed(Bf16, o), Scale = 0.5f });
    }

    [Fact]
    public void Strides_without_any_neighbours_are_honoured()
    {
        MatMulKey key = new(2, 13, 35, 21, new(F32, 70, 3, 1000), new(Bf16, 2, 50, 2000), new(F32, 40, 1, 600), Bias: true);
        MatMulCase.AssertEqualsEquation(Library, key);
    }

    [Fact]
    public void Rows_have_the_same_bits_however_they_are_cut()
    {
        const int m = 29, n = 40, k = 1000;
        using NativeMatrix a = Random(F32, m * k, 1), b = Random(F32, n * k, 2), whole = new(F32, m * n), parts = new(F32, m * n);
        Library.Plan(Linear(m, k, n, F32, F32, F32)).Run(Worker.Current, a.Pointer, b.Pointer, 0, whole.Pointer);
        foreach (int cut in new[] { 1, 6, 11, 28 })
        {
            Library.Plan(Linear(cut, k, n, F32, F32, F32)).Run(Worker.Current, a.Pointer, b.Pointer, 0, parts.Pointer);
            Library.Plan(Linear(m - cut, k, n, F32, F32, F32)).Run(
                Worker.Current, a.Pointer + (4 * cut * k), b.Pointer, 0, parts.Pointer + (4 * cut * n));
            Assert.Equal(whole.Bytes(), parts.Bytes());
        }
    }

    [Fact]
    public void Eight_threads_get_the_same_bits()
    {
        const int m = 50, n = 70, k = 90;
        using NativeMatrix a = Random(F32, m * k, 1), b = Random(F32, n * k, 2), expected = new(F32, m * n);
        Library.Plan(Linear(m, k, n, F32, F32, F32)).Run(Worker.Current, a.Pointer, b.Pointer, 0, expected.Pointer);
        byte[] bytes = expected.Bytes();
        Parallel.For(0, 64, new() { MaxDegreeOfParallelism = 8 }, _ =>
        {
            using NativeMatrix c = new(F32, m * n);
            Library.Plan(Linear(m, k, n, F32, F32, F32)).Run(Worker.Current, a.Pointer, b.Pointer, 0, c.Pointer);
            Assert.Equal(bytes, c.Bytes());
        });
    }

    [Fact]
    public void A_NaN_reaches_its_row_and_column_only()
    {
        using NativeMatrix a = Random(F32, 20 * 30, 1), b = Random(F32, 40 * 30, 2), c = new(F32, 20 * 40);
        a[(7 * 30) + 3] = float.NaN;
        b[(9 * 30) + 29] = float.PositiveInfinity;
        Library.Plan(Linear(20, 30, 40, F32, F32, F32)).Run(Worker.Current, a.Pointer, b.Pointer, 0, c.Pointer);
        for (int i = 0; i < 20 * 40; i++)
        {
            if (i / 40 == 7) Assert.True(float.IsNaN(c[i]));
            else Assert.Equal(i % 40 != 9, float.IsFinite(c[i]));
        }
    }

    [Fact]
    public void Nothing_to_compute_touches_nothing()
    {
        Library.Plan(Linear(0, 8, 8, F32, F32, F32)).Run(Worker.Current, 0, 0, 0, 0);
        Library.Plan(Linear(8, 8, 0, F32, F32, F32)).Run(Worker.Current, 0, 0, 0, 0);
    }

    [Fact]
    public void Packed_bfloat16_weights_take_two_bytes_each()
    {
        using NativeMatrix w = Random(F32, 768 * 64, 1);
        using PackedMatrix packed = Library.Pack(768, 64, w.Pointer, Operand.Transposed(F32, 768), Bf16);
        Assert.Equal(768 * 64 * 2, packed.Bytes);
        Assert.Equal(0, packed.Pointer % 64);
    }

    [Fact]
    public void A_strided_column_of_C_is_refused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => Library.Plan(Linear(4, 4, 4, F32, F32, F32) with { C = Operand.Transposed(F32, 4) }));
        Assert.Contains("column stride of C must be 1, got 4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_keys_share_a_plan() =>
        Assert.Same(Library.Plan(Linear(4, 4, 4, F32, F32, F32)), Library.Plan(Linear(4, 4, 4, F32, F32, F32)));

    /// <summary>y = x·Wᵀ with W stored [O, I].</summary>
    private static MatMulKey Linear(int m, int i, int o, DataType x, DataType w, DataType y) =>
        new(1, m, o, i, Operand.Dense(x, i), Operand.Transposed(w, i), Operand.Dense(y, o));
}
