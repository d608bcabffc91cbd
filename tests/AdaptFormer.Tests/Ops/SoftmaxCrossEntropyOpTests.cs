using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class SoftmaxCrossEntropyOpTests : OpTests<SoftmaxCrossEntropyOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int k) in new[] { (1, 1), (5, 3), (40, 101) })
            {
                foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
                {
                    foreach (float smoothing in new[] { 0, 0.1f })
                        yield return new OpCase($"labels, ε {smoothing}, {reduction}", [[b, k]], (p, _) => p[0].SoftmaxCrossEntropy(Labels(b, k), smoothing, reduction));
                    yield return new OpCase($"soft, {reduction}", [[b, k]], (p, _) => p[0].SoftmaxCrossEntropy(Soft(b, k), reduction));
                }
            }
        }
    }

    [Fact]
    public void Ignored_samples_have_no_loss_and_no_gradient_and_a_mean_of_none_is_zero()
    {
        using TensorScope scope = new();
        using Parameter logits = Parameter.From([float.NaN, float.PositiveInfinity, 1, 2], new Shape(2, 2));
        logits.Trainable = true;
        foreach (int[] labels in new int[][] { [-100, 1], [-100, -100] })
        {
            using Tape tape = new(new Rng(0));
            Tensor loss = tape.Watch(logits).SoftmaxCrossEntropy(labels);
            tape.Backward(loss);
            double expected = labels[1] == 1 ? Math.Log(1 + Math.Exp(-1)) : 0;
            Assert.Equal(expected, loss.Item(), 1e-6);
            ParityCase.AssertClose("gradient", expected == 0 ? [0, 0, 0, 0] : [0, 0, 0.2689414f, -0.2689414f], logits.Grad!.ToArray(), 1e-6);
            logits.Grad!.Dispose();
            logits.Grad = null;
        }
    }

    [Fact]
    public void Wrong_targets_are_refused()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.Zeros(2, 3);
        Assert.Equal("SoftmaxCrossEntropy: label 3 of sample 1 is not in [0, 3).", Assert.Throws<ArgumentException>(() => logits.SoftmaxCrossEntropy([0, 3])).Message);
        Assert.Equal("SoftmaxCrossEntropy: 2 rows of logits but 3 labels.", Assert.Throws<ArgumentException>(() => logits.SoftmaxCrossEntropy([0, 1, 2])).Message);
        Assert.Equal("SoftmaxCrossEntropy: logits and targets must have one shape [B, K]; got logits [2, 3], targets [2, 2].",
            Assert.Throws<ArgumentException>(() => logits.SoftmaxCrossEntropy(Tensor.Zeros(2, 2))).Message);
        Assert.Equal("SoftmaxCrossEntropy: logits must be f32 [B, K], got BFloat16 [2, 3].", Assert.Throws<ArgumentException>(() => logits.Cast(DataType.BFloat16).SoftmaxCrossEntropy([0, 1])).Message);
        Assert.Contains("label smoothing is 1, expected a number in [0, 1)", Assert.Throws<ArgumentOutOfRangeException>(() => logits.SoftmaxCrossEntropy([0, 1], 1)).Message);
    }

    private static int[] Labels(int b, int k) => [.. Enumerable.Range(0, b).Select(i => i % 4 == 3 ? SoftmaxCrossEntropyOp.IgnoreIndex : i * 7 % k)];

    private static Tensor Soft(int b, int k) => Tensor.From([.. GradCheck.Numbers(new Rng(8), b * k).Select(Math.Abs)], new Shape(b, k));
}
