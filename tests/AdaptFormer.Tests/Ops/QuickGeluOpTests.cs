using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class QuickGeluOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })     // one, a tail, more than one worker's piece
                yield return new OpCase("QuickGelu", [shape], (p, type) => p[0].Cast(type).QuickGelu()) { BFloat16 = 1e-2 };
        }
    }

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Gradients_match_finite_differences(string backend) => OpSuite.Gradients(backend, Cases);

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Bf16_is_near_f32(string backend) => OpSuite.BFloat16(backend, Cases);

    [Fact]
    public void Known_values_come_out()
    {
        using TensorScope scope = new();
        float[] y = Tensor.From([-2, -0.5f, 0, 0.5f, 2], new Shape(5)).QuickGelu().ToArray();
        ParityCase.AssertClose("QuickGelu", [-0.0643416f, -0.1496112f, 0, 0.3503888f, 1.9356584f], y, 1e-6);
    }
}
