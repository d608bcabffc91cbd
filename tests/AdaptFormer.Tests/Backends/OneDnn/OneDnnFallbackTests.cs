using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using OneDnnProvider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;
using static AdaptFormer.Tests.Backends.OneDnn.OneDnnTestLibrary;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>What oneDNN lacks, or would do slowly, another library does, and the list says so once.</summary>
public sealed class OneDnnFallbackTests
{
    private const DataType F32 = DataType.Float32, Bf16 = DataType.BFloat16;

    [Theory]
    [InlineData(F32, F32, Bf16)]
    [InlineData(F32, Bf16, F32)]
    [InlineData(Bf16, F32, F32)]
    public void Mixed_types_are_computed_by_the_fallback(DataType a, DataType b, DataType c)
    {
        OneDnnMatMul library = Open(Bf16);
        MatMulKey key = new(1, 7, 11, 13, Operand.Dense(a, 13), Operand.Transposed(b, 13), Operand.Dense(c, 11), Bias: true);
        Assert.Equal("scalar", MatMulCase.AssertEqualsEquation(library, key));
        Assert.Equal("scalar, after unpacking B", MatMulCase.AssertEqualsEquation(library, key with { PackedB = true }));
        Assert.Equal(2, library.Declined.Count);
    }

    [Fact]
    public void The_shared_library_falls_back_to_the_managed_kernels()
    {
        Assert.SkipUnless(OneDnnProvider.Available, OneDnnProvider.Why);
        MatMulKey mixed = new(1, 37, 41, 53, Operand.Dense(F32, 53), Operand.Transposed(Bf16, 53), Operand.Dense(Bf16, 41), Bias: true, Epilogue: Epilogue.Gelu);
        foreach (bool packed in (bool[])[false, true])
        {
            string implementation = MatMulCase.AssertEqualsEquation(OneDnnProvider.Library!, mixed with { PackedB = packed });
            Assert.StartsWith(ManagedMatMul.Instance.Name, implementation, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_reference_kernel_is_declined_and_listed_once()
    {
        OneDnnMatMul library = Open(F32);
        MatMulKey everyOther = new(1, 7, 11, 13, new(F32, 26, 2), new(F32, 22, 1), Operand.Dense(F32, 11));
        Assert.Equal("scalar", MatMulCase.AssertEqualsEquation(library, everyOther));
        MatMulCase.AssertEqualsEquation(library, everyOther);
        Assert.Contains("ref", Assert.Single(library.Declined), StringComparison.Ordinal);
    }

    [Fact]
    public void A_layout_that_oneDNN_cannot_describe_goes_to_the_fallback()
    {
        // Every row of A starts one element after the row before: windows over a signal.
        MatMulKey windows = new(1, 7, 11, 13, new(F32, 1, 1), new(F32, 22, 1), Operand.Dense(F32, 11));
        Assert.Equal("scalar", MatMulCase.AssertEqualsEquation(Open(F32), windows));
    }

    [Fact]
    public void Packed_weights_end_with_their_disposal()
    {
        OneDnnMatMul library = Open(F32);
        using NativeMatrix b = NativeMatrix.Random(F32, 64 * 64, 1);
        PackedMatrix packed = library.Pack(64, 64, b.Pointer, Operand.Dense(F32, 64), F32);
        Assert.Equal(0, packed.Pointer % 64);
        Assert.True(packed.Bytes >= 64 * 64 * 4);
        packed.Dispose();
        packed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => packed.Pointer);
    }
}
