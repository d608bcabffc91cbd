using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class AsymmetricLossOpTests : OpTests<AsymmetricLossOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            // Only a weight that is differentiated too has the loss's own gradient; the other form is held by the golden file.
            foreach ((int b, int k) in new[] { (1, 1), (5, 3), (40, 101) })
            {
                foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
                {
                    foreach ((float negative, float positive, float clip) in new[] { (4f, 1f, 0.05f), (2f, 0f, 0f), (1.5f, 0.5f, 0.1f), (0f, 0f, 0f) })
                    {
                        AsymmetricLossSettings settings = new(negative, positive, clip, FocalGradient: true);
                        yield return new OpCase($"γ {negative} {positive}, clip {clip}, {reduction}", [[b, k]], (p, _) => p[0].AsymmetricLoss(Hard(b, k), settings, reduction));
                    }
                }
            }
        }
    }

    [Fact]
    public void Wrong_targets_and_settings_are_refused()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.Zeros(2, 3), targets = Tensor.Zeros(2, 3);
        Assert.Equal("AsymmetricLoss: logits and targets must have one shape [B, K]; got logits [2, 3], targets [2, 2].",
            Assert.Throws<ArgumentException>(() => logits.AsymmetricLoss(Tensor.Zeros(2, 2))).Message);
        Assert.Contains("clip is 1, expected a number in [0, 1)", Assert.Throws<ArgumentOutOfRangeException>(() => logits.AsymmetricLoss(targets, new(Clip: 1))).Message);
        Assert.Contains("eps is 0, expected a number in (0, 1)", Assert.Throws<ArgumentOutOfRangeException>(() => logits.AsymmetricLoss(targets, new(Eps: 0))).Message);
        Assert.Contains("both gammas must be at least 0, got -1 and 1", Assert.Throws<ArgumentOutOfRangeException>(() => logits.AsymmetricLoss(targets, new(GammaNegative: -1))).Message);
    }

    [Fact]
    public void Without_focus_and_clip_it_is_the_binary_cross_entropy()
    {
        using TensorScope scope = new();
        Tensor logits = Tensor.From(GradCheck.Numbers(new Rng(1), 21), new Shape(3, 7)), targets = Hard(3, 7);
        AsymmetricLossSettings plain = new(GammaNegative: 0, GammaPositive: 0, Clip: 0);
        foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
            ParityCase.AssertClose($"{reduction}", logits.BinaryCrossEntropy(targets, reduction).ToArray(), logits.AsymmetricLoss(targets, plain, reduction).ToArray(), 1e-6);
    }

    private static Tensor Hard(int b, int k) => Tensor.From([.. GradCheck.Numbers(new Rng(8), b * k).Select(v => v > 0 ? 1f : 0f)], new Shape(b, k));
}
