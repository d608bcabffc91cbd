using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using static AdaptFormer.Tests.Backends.OneDnn.OneDnnTestLibrary;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>Every product of a transformer's forward and backward pass, at odd sizes, against the equation.</summary>
public sealed class OneDnnMatMulTests
{
    private const DataType F32 = DataType.Float32, Bf16 = DataType.BFloat16;

    /// <summary>Types of A and B, and of C.</summary>
    public static TheoryData<DataType, DataType> Types => new() { { F32, F32 }, { Bf16, F32 }, { Bf16, Bf16 } };

    [Theory]
    [MemberData(nameof(Types))]
    public void Linear_layer_with_packed_weights(DataType inputs, DataType output)
    {
        OneDnnMatMul library = Open(inputs);
        foreach (MatMulKey key in Finishes(Linear(11, 45, 71, inputs, output) with { PackedB = true }))
            AssertRunsWhereItShould(MatMulCase.AssertEqualsEquation(library, key));
        Assert.Empty(library.Declined);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Linear_layer_with_plain_weights(DataType inputs, DataType output)
    {
        OneDnnMatMul library = Open(inputs);
        foreach (MatMulKey key in Finishes(Linear(11, 45, 71, inputs, output)))
            AssertRunsWhereItShould(MatMulCase.AssertEqualsEquation(library, key));
        Assert.Empty(library.Declined);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Input_gradient_of_a_linear_layer(DataType inputs, DataType output)
    {
        // dX [M, I] = dY [M, O] · W [O, I], W as it is stored.
        const int M = 45, O = 67, I = 33;
        MatMulKey key = new(1, M, I, O, Operand.Dense(inputs, O), Operand.Dense(inputs, I), Operand.Dense(output, I));
        MatMulCase.AssertEqualsEquation(Open(inputs), key);
        MatMulCase.AssertEqualsEquation(Open(inputs), key with { PackedB = true });
        MatMulCase.AssertEqualsEquation(Open(inputs), key with { PackedB = true, Accumulate = true });
    }

    [Theory]
    [InlineData(F32)]
    [InlineData(Bf16)]
    public void Weight_gradient_of_a_linear_layer(DataType inputs)
    {
        // dW [O, I] += dYᵀ · X over T tokens; both operands read in place.
        const int T = 101, O = 19, I = 35;
        MatMulKey key = new(1, O, I, T, Operand.Transposed(inputs, O), Operand.Dense(inputs, I), Operand.Dense(F32, I));
        MatMulCase.AssertEqualsEquation(Open(inputs), key);
        MatMulCase.AssertEqualsEquation(Open(inputs), key with { Accumulate = true, Scale = 0.25f });
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Attention_reads_queries_keys_and_values_in_place(DataType inputs, DataType output)
    {
        OneDnnMatMul library = Open(inputs);
        const int Heads = 3, N = 23, D = 16, C = Heads * D, Ld = 32;
        Operand fused = new(inputs, 3 * C, 1, D), fusedTransposed = new(inputs, 1, 3 * C, D);
        Operand scores = new(inputs, Ld, 1, N * Ld), scoresTransposed = new(inputs, 1, Ld, N * Ld);
        Operand values = new(inputs, C, 1, D), valuesTransposed = new(inputs, 1, C, D);
        Operand toScores = scores with { Type = output }, toValues = values with { Type = output }, toFused = fused with { Type = output };

        MatMulCase.AssertEqualsEquation(library, new(Heads, N, N, D, fused, fusedTransposed, toScores, Scale: 0.25f)); // S = s·Q·Kᵀ
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, D, N, scores, fused, toValues)); // O = P·V
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, D, N, scoresTransposed, values, toFused)); // dV = Pᵀ·dO
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, N, D, values, fusedTransposed, toScores)); // dP = dO·Vᵀ
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, D, N, scores, fused, toFused)); // dQ = dS·K
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, D, N, scoresTransposed, fused, toFused, Accumulate: true)); // dK += dSᵀ·Q
        MatMulCase.AssertEqualsEquation(library, new(Heads, N, N, D, values, valuesTransposed, toScores, Bias: true, Epilogue: Epilogue.Gelu));
        Assert.Empty(library.Declined);
    }

    [Theory]
    [InlineData(F32)]
    [InlineData(Bf16)]
    public void One_packed_copy_serves_every_number_of_rows(DataType type)
    {
        OneDnnMatMul library = Open(type);
        foreach ((int i, int o) in (ReadOnlySpan<(int, int)>)[(48, 10), (65, 129)])
            foreach (int m in (ReadOnlySpan<int>)[1, 2, 5, 16, 63, 197])
                MatMulCase.AssertEqualsEquation(library, Linear(m, i, o, type, F32) with { PackedB = true, Bias = true });
    }

    [Fact]
    public void Weights_are_rounded_to_bf16_while_packing()
    {
        OneDnnMatMul library = Open(Bf16);
        MatMulKey key = Linear(9, 33, 31, Bf16, F32) with { PackedB = true };
        using NativeMatrix exact = NativeMatrix.Random(F32, 31 * 33, 5), rounded = new(Bf16, 31 * 33);
        for (long i = 0; i < exact.Count; i++) rounded[i] = exact[i];

        byte[] fromExact = Product(library, key, exact, Operand.Transposed(F32, 33));
        Assert.Equal(Product(library, key, rounded, Operand.Transposed(Bf16, 33)), fromExact);
    }

    [Theory]
    [InlineData(F32, 1, 1, 1)]
    [InlineData(F32, 1, 7, 40)]
    [InlineData(F32, 40, 1, 7)]
    [InlineData(F32, 7, 40, 1)]
    [InlineData(Bf16, 1, 1, 1)]
    [InlineData(Bf16, 1, 7, 40)]
    [InlineData(Bf16, 40, 1, 7)]
    [InlineData(Bf16, 7, 40, 1)]
    public void Axes_of_one_element_may_have_any_stride(DataType type, int m, int n, int k)
    {
        OneDnnMatMul library = Open(type);
        MatMulKey dense = new(1, m, n, k, Operand.Dense(type, k), Operand.Dense(type, n), Operand.Dense(F32, n), Bias: true);
        MatMulCase.AssertEqualsEquation(library, dense);
        MatMulCase.AssertEqualsEquation(library, dense with { PackedB = true });
        MatMulCase.AssertEqualsEquation(library, dense with { A = Operand.Transposed(type, m), B = Operand.Transposed(type, k) });
        if (m == 1) MatMulCase.AssertEqualsEquation(library, dense with { A = new(type, 0, 1), C = new(F32, 0, 1) });
        if (k == 1) MatMulCase.AssertEqualsEquation(library, dense with { A = new(type, 3, 0), B = new(type, 0, 1) });
    }

    [Fact]
    public void A_batch_stride_of_zero_shares_one_matrix()
    {
        MatMulKey key = new(3, 5, 17, 9, new(F32, 9, 1, 45), new(F32, 17, 1, 0), new(F32, 17, 1, 85));
        MatMulCase.AssertEqualsEquation(Open(F32), key);
    }

    [Fact]
    public void Products_without_elements_touch_nothing()
    {
        OneDnnMatMul library = Open(F32);
        MatMulKey key = Linear(4, 5, 6, F32, F32);
        foreach (MatMulKey empty in (ReadOnlySpan<MatMulKey>)[key with { M = 0 }, key with { N = 0 }, key with { Batch = 0 }])
            library.Plan(empty).Run(Worker.Current, 0, 0, 0, 0);
    }

    [Fact]
    public void A_product_over_no_columns_is_its_bias() =>
        MatMulCase.AssertEqualsEquation(Open(F32), Linear(4, 0, 6, F32, F32) with { Bias = true });

    [Fact]
    public void Keys_that_contradict_themselves_are_refused()
    {
        OneDnnMatMul library = Open(F32);
        MatMulKey key = Linear(4, 5, 6, F32, F32);
        AssertRefused(key with { M = -1 }, "sizes");
        AssertRefused(key with { C = new(F32, 12, 2) }, "column stride");
        AssertRefused(key with { Batch = 2, PackedB = true }, "packed");
        AssertRefused(key with { Batch = 2 }, "share memory");

        void AssertRefused(MatMulKey wrong, string rule) =>
            Assert.Contains(rule, Assert.Throws<ArgumentException>(() => library.Plan(wrong)).Message, StringComparison.Ordinal);
    }

    /// <summary>y = x·Wᵀ with W stored [O, I].</summary>
    internal static MatMulKey Linear(int m, int i, int o, DataType inputs, DataType output) =>
        new(1, m, o, i, Operand.Dense(inputs, i), Operand.Transposed(inputs, i), Operand.Dense(output, o));

    private static void AssertRunsWhereItShould(string implementation) =>
        Assert.StartsWith(AdaptFormer.Tensors.Backends.OneDnn.OneDnn.BlockedKernels ? "oneDNN brg" : "scalar", implementation, StringComparison.Ordinal);

    private static IEnumerable<MatMulKey> Finishes(MatMulKey key) =>
        from bias in (bool[])[false, true]
        from epilogue in Enum.GetValues<Epilogue>()
        from scale in (float[])[1, -0.3f]
        from accumulate in (bool[])[false, true]
        select key with { Bias = bias, Epilogue = epilogue, Scale = scale, Accumulate = accumulate };

    private static byte[] Product(OneDnnMatMul library, MatMulKey key, NativeMatrix weights, Operand layout)
    {
        using NativeMatrix a = NativeMatrix.Random(key.A.Type, key.M * key.K, 6), c = new(key.C.Type, key.M * key.N);
        using PackedMatrix packed = library.Pack(key.K, key.N, weights.Pointer, layout, key.B.Type);
        library.Plan(key).Run(Worker.Current, a.Pointer, packed.Pointer, 0, c.Pointer);
        return c.Bytes();
    }
}
