using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class BatchOpsTests : MixedPrecisionOpTests<BatchOpsTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [3, 1], [5, 3, 7], [9, 4001] })
            {
                yield return new OpCase("slice", [shape], (p, type) => p[0].Cast(type).SliceBatch(1, 2)) { BFloat16 = 1e-2 };
                yield return new OpCase("slice all", [shape], (p, type) => p[0].Scale(2).Cast(type).SliceBatch(0, shape[0])) { BFloat16 = 1e-2 };
                yield return new OpCase("join", [shape, [2, .. shape[1..]]], (p, type) => BatchOps.ConcatBatch([p[0].Cast(type), p[1].Cast(type)])) { BFloat16 = 1e-2 };

                // Parts that other ops read too: what they add to a part's gradient must not reach the other part or the whole.
                yield return new OpCase("cut, work, join", [shape], (p, type) =>
                {
                    Tensor x = p[0].Scale(1).Cast(type), a = x.SliceBatch(0, 1).Gelu(), b = x.SliceBatch(1, shape[0] - 1).Gelu(), y = BatchOps.ConcatBatch([a, b]);
                    return BatchOps.ConcatBatch([y + y, a.Scale(3), x, y]);
                })
                { BFloat16 = 2e-2 };
            }
        }
    }

    [Fact]
    public void Samples_are_cut_and_joined_in_order()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 2, 3, 4, 5, 6], new Shape(3, 2));
        Assert.Equal([3, 4], x.SliceBatch(1, 1).ToArray());
        Assert.Same(x, x.SliceBatch(0, 3));
        Assert.Same(x, BatchOps.ConcatBatch([x]));
        Assert.Equal([5, 6, 1, 2, 3, 4], BatchOps.ConcatBatch([x.SliceBatch(2, 1), x.SliceBatch(0, 2)]).ToArray());
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Zeros(3, 2);
        Assert.Equal("SliceBatch: samples 2…4 must lie inside x; got x [3, 2].", Assert.Throws<ArgumentException>(() => x.SliceBatch(2, 2)).Message);
        Assert.Equal("ConcatBatch: parts must agree in type and in all axes but the first; got first [3, 2], part [3, 4].",
            Assert.Throws<ArgumentException>(() => BatchOps.ConcatBatch([x, Tensor.Zeros(3, 4)])).Message);
        Assert.StartsWith("ConcatBatch: parts must agree in type", Assert.Throws<ArgumentException>(() => BatchOps.ConcatBatch([x, x.Cast(DataType.BFloat16)])).Message);
        Assert.StartsWith("ConcatBatch: at least one part is needed.", Assert.Throws<ArgumentException>(() => BatchOps.ConcatBatch([])).Message);
    }
}
