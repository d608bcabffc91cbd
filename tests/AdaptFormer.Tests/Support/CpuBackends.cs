using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>The backends that every test of an op, a model or a method runs on; the checking device runs a part of them.</summary>
public static class CpuBackends
{
    public const string Managed = "managed", OneDnnName = "oneDNN", Checking = "checking", Cuda = "cuda";

    public static TheoryData<string> All => [Managed, OneDnnName];

    /// <summary>Devices whose memory the host cannot read.</summary>
    public static TheoryData<string> Devices => [Checking, Cuda];

    /// <summary>Makes the named backend the current one; skips the test, visibly, where its library is absent.</summary>
    public static IDisposable Use(string name)
    {
        if (name is Checking or Cuda) return TestDevice.Of(name).Use();
        if (name == Managed) return Backend.Use(CpuBackend.Managed);
        if (CpuBackend.Native is null) Assert.Skip(OneDnn.Why);
        return Backend.Use(CpuBackend.Native);
    }
}
