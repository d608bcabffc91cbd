using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class MergePatchesOpTests : MixedPrecisionOpTests<MergePatchesOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (TokenGrid grid in new TokenGrid[] { new(1, 1, 1), new(1, 2, 2), new(1, 3, 4), new(1, 4, 5), new(3, 5, 3) })
            {
                foreach ((int b, int c) in new[] { (1, 1), (3, 5) })
                    yield return new OpCase($"merge {grid}", [[b, grid.Count, c]], (p, type) => p[0].Cast(type).MergePatches(grid)) { BFloat16 = 1e-2 };
            }
        }
    }

    [Fact]
    public void Neighbours_are_joined_down_the_columns_first_and_odd_edges_are_zero()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 2, 3, 4, 5, 6, 7, 8, 9], new Shape(1, 9, 1));
        Assert.Equal([1, 4, 2, 5, 3, 6, 0, 0, 7, 0, 8, 0, 9, 0, 0, 0], x.MergePatches(new TokenGrid(1, 3, 3)).ToArray());
        Assert.Equal("MergePatches: x must be [B, 2x4, C]; got x [1, 9, 1].", Assert.Throws<ArgumentException>(() => x.MergePatches(new TokenGrid(1, 2, 4))).Message);
    }
}
