using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using Provider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>The oneDNN of this machine, or a visible skip.</summary>
internal static class OneDnnTestLibrary
{
    /// <summary>oneDNN in front of the scalar equation; skips the test when it, or bf16 kernels when that is asked, is missing.</summary>
    public static OneDnnMatMul Open(DataType inputs)
    {
        Assert.SkipUnless(Provider.Available, Provider.Why);
        Assert.SkipUnless(inputs == DataType.Float32 || Provider.BlockedBFloat16, Provider.Why);
        return Provider.Create(new ScalarMatMul())!;
    }
}
