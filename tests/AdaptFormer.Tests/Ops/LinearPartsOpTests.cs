using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class LinearPartsOpTests : MatMulOpTests<LinearPartsOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int rows, int r, int n, int slots, int[] places) in new (int, int, int, int, int[])[] { (1, 1, 1, 1, [0]), (5, 2, 8, 3, [0, 2]), (33, 3, 17, 3, [1]), (7, 4, 5, 3, [2, 0, 1]) })
            {
                int p = places.Length;
                yield return new OpCase($"{rows} rows, {p} parts of {r} to {n}", [[2, rows, p * r], [p * n, r], [2, rows, slots * n]], (x, type) => x[0].Cast(type).LinearParts(x[1], places, x[2], 0.5f)) { BFloat16 = 2e-2 };
            }
        }
    }

    [Fact]
    public void Each_part_is_mapped_to_its_place()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From([1, 10], new Shape(1, 2)), w = Tensor.From([2, 3, 4, 5], new Shape(4, 1)), r = Tensor.From([100, 200, 300, 400, 500, 600], new Shape(1, 6));
        Assert.Equal([140, 250, 300, 400, 502, 603], x.LinearParts(w, [2, 0], r).ToArray());
        Assert.Equal([100, 200, 300, 400, 500, 600], r.ToArray());
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Assert.StartsWith("LinearParts: weight must be [P·n, R]", Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 3).LinearParts(Tensor.Zeros(4, 1), [0, 1], Tensor.Zeros(1, 6))).Message);
        Assert.StartsWith("LinearParts: residual must be [..., O]", Assert.Throws<ArgumentException>(() => Tensor.Zeros(1, 2).LinearParts(Tensor.Zeros(4, 1), [0, 3], Tensor.Zeros(1, 6))).Message);
    }
}
