using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class ScaleOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [1], [3, 17], [3, 11003] })
            {
                yield return new OpCase("c·x", [shape], (p, type) => -1.7f * p[0].Cast(type)) { BFloat16 = 1e-2 };
                yield return new OpCase("s·x", [shape, [1]], (p, _) => p[0].ScaleBy(p[1]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Gradients_match_finite_differences(string backend) => OpSuite.Gradients(backend, Cases);

    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Bf16_is_near_f32(string backend) => OpSuite.BFloat16(backend, Cases);

    [Fact]
    public void A_learned_factor_is_one_number_and_f32()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(2, 3);
        Assert.Equal("ScaleBy: s must be one number; got x [2, 3], s [2].", Assert.Throws<ArgumentException>(() => x.ScaleBy(Tensor.Zeros(2))).Message);
        Assert.Contains("x must be f32, got BFloat16 [2, 3]", Assert.Throws<ArgumentException>(() => x.Cast(DataType.BFloat16).ScaleBy(Tensor.Zeros(1))).Message);
    }
}
