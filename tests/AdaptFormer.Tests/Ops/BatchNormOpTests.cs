using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class BatchNormOpTests : OpTests<BatchNormOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (int[] shape in new int[][] { [2, 1], [3, 17], [16, 40] })
                yield return new OpCase("batch statistics", [shape], (p, _) => p[0].BatchNorm(Parameter.Zeros(shape[1]), Parameter.Full(new Shape(shape[1]), 1), 0.1f, 1e-2f)) { SameWithoutTape = false };
        }
    }

    [Fact]
    public void Training_moves_the_running_statistics_and_prediction_reads_them()
    {
        using TensorScope scope = new();
        using Parameter mean = Parameter.From([1, -1], new Shape(2)), variance = Parameter.From([4, 0.25f], new Shape(2));
        Tensor x = Tensor.From([1, 2, 3, 4, 5, 9], new Shape(3, 2));

        Assert.Equal([0, 6, 1, 10, 2, 20], [.. x.BatchNorm(mean, variance, 0.1f, 0).ToArray().Select(v => MathF.Round(v, 4))]);
        Assert.Equal([1, -1], mean.ToArray());

        using Tape tape = new(new Rng(0));
        float[] y = tape.Watch(x).BatchNorm(mean, variance, 0.1f, 0).ToArray();
        ParityCase.AssertClose("mean", [1.2f, -0.4f], mean.ToArray(), 1e-6);                     // 0.9·old + 0.1·(3, 5)
        ParityCase.AssertClose("variance", [4, 1.525f], variance.ToArray(), 1e-6);               // 0.9·old + 0.1·(4, 13), unbiased
        ParityCase.AssertClose("y", [-1.2247449f, -1.0190493f, 0, -0.3396831f, 1.2247449f, 1.3587324f], y, 1e-6);      // biased
        Assert.Equal(0, tape.Count);
    }

    [Fact]
    public void One_sample_and_wrong_shapes_are_refused()
    {
        using TensorScope scope = new();
        using Parameter two = Parameter.Zeros(2), one = Parameter.Full(new Shape(2), 1);
        using Tape tape = new(new Rng(0));
        Tensor x = Tensor.Zeros(1, 2), wide = Tensor.Zeros(4, 3);
        Assert.Equal("BatchNorm: x [B, C] and running statistics [C] must agree; got x [4, 3], mean [2], variance [2].",
            Assert.Throws<ArgumentException>(() => wide.BatchNorm(two, one, 0.1f, 1e-6f)).Message);
        Assert.Equal("BatchNorm: training needs at least two samples in a batch (use a larger batch, or head plain); got x [1, 2].",
            Assert.Throws<ArgumentException>(() => tape.Watch(x).BatchNorm(two, one, 0.1f, 1e-6f)).Message);
        Assert.Contains("x must be f32, got BFloat16 [1, 2]", Assert.Throws<ArgumentException>(() => x.Cast(DataType.BFloat16).BatchNorm(two, one, 0.1f, 1e-6f)).Message);
    }
}
