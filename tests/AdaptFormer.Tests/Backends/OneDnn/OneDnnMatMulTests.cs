using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using Provider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;

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
        MatMulKey key = Linear(37, 93, 71, inputs, output) with { PackedB = true };
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true });
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true, Epilogue = Epilogue.Gelu });
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true, Scale = 0.3f, Accumulate = true });
        MatMulCase.AssertEqualsEquation(Library(inputs), key);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Linear_layer_with_plain_weights(DataType inputs, DataType output)
    {
        MatMulKey key = Linear(37, 93, 71, inputs, output);
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true });
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true, Epilogue = Epilogue.Relu });
        MatMulCase.AssertEqualsEquation(Library(inputs), key with { Bias = true, Scale = -1.7f, Accumulate = true });
    }

    private static OneDnnMatMul Library(DataType inputs)
    {
        Assert.SkipUnless(Provider.Available, Provider.Why);
        Assert.SkipUnless(inputs == F32 || Provider.FastBFloat16, Provider.Why);
        return Provider.Create(new ScalarMatMul())!;
    }

    /// <summary>y = x·Wᵀ with W stored [O, I].</summary>
    private static MatMulKey Linear(int m, int i, int o, DataType inputs, DataType output) =>
        new(1, m, o, i, Operand.Dense(inputs, i), Operand.Transposed(inputs, i), Operand.Dense(output, o));
}
