using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>The uses of one op that its tests run on.</summary>
public interface IOpTests
{
    /// <summary>All options, and sizes of one, of a vector's tail, and of more than one worker's piece.</summary>
    static abstract IEnumerable<OpCase> Cases { get; }
}

/// <summary>The tests of every op.</summary>
public abstract class OpTests<TSelf> where TSelf : IOpTests
{
    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Gradients_match_finite_differences(string backend) => OpSuite.Gradients(backend, TSelf.Cases);

    [Theory]
    [MemberData(nameof(CpuBackends.Devices), MemberType = typeof(CpuBackends))]
    public void Other_devices_give_the_same_numbers(string device) => OpSuite.SameOn(device, TSelf.Cases);
}

/// <summary>The tests of an op that reads or writes bf16.</summary>
public abstract class MixedPrecisionOpTests<TSelf> : OpTests<TSelf> where TSelf : IOpTests
{
    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Bf16_is_near_f32(string backend) => OpSuite.BFloat16(backend, TSelf.Cases);
}

/// <summary>The tests of an op that multiplies matrices, which is where the backends differ.</summary>
public abstract class MatMulOpTests<TSelf> : MixedPrecisionOpTests<TSelf> where TSelf : IOpTests
{
    [Fact]
    public void Both_backends_agree() => OpSuite.BackendsAgree(TSelf.Cases);
}
