using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class AsymmetricSingleLabelLossOpTests : OpTests<AsymmetricSingleLabelLossOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int b, int k) in new[] { (1, 2), (5, 3), (40, 101) })
            {
                int[] labels = [.. Enumerable.Range(0, b).Select(i => i * 7 % k)];
                foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
                {
                    foreach ((float positive, float negative, float smoothing) in new[] { (0f, 4f, 0.1f), (1f, 2f, 0f), (0.5f, 1.5f, 0.3f), (0f, 0f, 0f) })
                        yield return new OpCase($"γ {positive} {negative}, ε {smoothing}, {reduction}", [[b, k]], (p, _) => p[0].AsymmetricSingleLabelLoss(labels, positive, negative, smoothing, reduction));
                }
            }
        }
    }

    [Fact]
    public void Wrong_targets_and_settings_are_refused()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.Zeros(2, 3);
        Assert.Equal("AsymmetricSingleLabelLoss: label -1 of sample 0 is not in [0, 3).", Assert.Throws<ArgumentException>(() => logits.AsymmetricSingleLabelLoss([-1, 0])).Message);
        Assert.Contains("both gammas must be at least 0, got 0 and NaN", Assert.Throws<ArgumentOutOfRangeException>(() => logits.AsymmetricSingleLabelLoss([0, 1], 0, float.NaN)).Message);
    }

    [Fact]
    public void Without_focus_it_is_the_cross_entropy()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.From(GradCheck.Numbers(new Rng(1), 21), new Shape(3, 7));
        ParityCase.AssertClose("loss", logits.SoftmaxCrossEntropy([0, 6, 3], 0.1f).ToArray(), logits.AsymmetricSingleLabelLoss([0, 6, 3], 0, 0, 0.1f).ToArray(), 1e-6);
    }
}
