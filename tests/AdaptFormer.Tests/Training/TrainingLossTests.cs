using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Training;

public sealed class TrainingLossTests
{
    private static readonly float[] Logits = [1.2f, -0.3f, 0.5f, -1, 0.1f, 2.2f];
    private static readonly int[] Labels = [0, 2];

    private static Tensor Two => Tensor.From(Logits, new Shape(2, 3));

    /// <summary>−log softmax of one row.</summary>
    private static double Nll(int row, int k)
    {
        double sum = 0;
        for (int j = 0; j < 3; j++) sum += Math.Exp(Logits[(row * 3) + j]);
        return Math.Log(sum) - Logits[(row * 3) + k];
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    public void Weighted_cross_entropy_is_PyTorchs(float smoothing)
    {
        float[] w = [0.5f, 1, 3];
        double expected = 0;
        for (int i = 0; i < 2; i++)
        {
            expected += (1 - smoothing) * w[Labels[i]] * Nll(i, Labels[i]);
            for (int k = 0; k < 3; k++) expected += smoothing / 3 * w[k] * Nll(i, k);
        }

        TrainingLoss loss = new(new LossOptions(ClassWeights: w, LabelSmoothing: smoothing));
        Assert.Equal(expected / (w[0] + w[2]), loss.Of(Two, Labels).Item(), 5);
    }

    [Fact]
    public void Soft_targets_that_are_hard_give_the_loss_of_labels()
    {
        TrainingLoss loss = new(new LossOptions(LabelSmoothing: 0.1f));
        Assert.Equal(loss.Of(Two, Labels).Item(), loss.Of(Two, Labels, [1, 0, 0, 0, 0, 1]).Item(), 5);
        double mixed = ((0.7 * Nll(0, 0)) + (0.3 * Nll(0, 2)) + (0.7 * Nll(1, 2)) + (0.3 * Nll(1, 0))) / 2;
        Assert.Equal(mixed, new TrainingLoss(new LossOptions()).Of(Two, Labels, [0.7f, 0, 0.3f, 0.3f, 0, 0.7f]).Item(), 5);
    }

    [Fact]
    public void Balanced_weights_count_every_class_alike()
    {
        TrainingLoss balanced = new(new LossOptions(BalanceClasses: true), perClass: [1, 2, 3]);
        TrainingLoss given = new(new LossOptions(ClassWeights: [6f / 3, 6f / 6, 6f / 9]));
        Assert.Equal(given.Of(Two, Labels).Item(), balanced.Of(Two, Labels).Item(), 5);
    }

    [Fact]
    public void Gradients_of_the_weighted_loss_match_finite_differences()
    {
        TrainingLoss loss = new(new LossOptions(ClassWeights: [0.5f, 1, 3], LabelSmoothing: 0.1f));
        GradCheck.Check(t => loss.Of(t[0], Labels), [GradCheck.Uniform(new Rng(1), 2, 3)]);
    }

    [Fact]
    public void Several_labels_take_the_asymmetric_loss_unless_told_otherwise()
    {
        float[] targets = [1, 0, 1, 0, 0, 1];
        Tensor constants = Tensor.From(targets, new Shape(2, 3));
        Assert.Equal(Two.AsymmetricLoss(constants).Item(), new TrainingLoss(new LossOptions(), multiLabel: true).Of(Two, [0, 0], targets).Item());
        Assert.Equal(Two.BinaryCrossEntropy(constants).Item(), new TrainingLoss(new LossOptions(LossName.Bce), multiLabel: true).Of(Two, [0, 0], targets).Item());
        Assert.Equal(Two.AsymmetricSingleLabelLoss(Labels, 1, 4, 0).Item(), new TrainingLoss(new LossOptions(LossName.Asymmetric)).Of(Two, Labels).Item());
    }

    [Fact]
    public void A_loss_that_does_not_fit_the_data_is_refused()
    {
        Assert.Contains("bce or asymmetric", Assert.Throws<ArgumentException>(() => new TrainingLoss(new LossOptions(LossName.CrossEntropy), multiLabel: true)).Message, StringComparison.Ordinal);
        Assert.Contains("data.balanced", Assert.Throws<ArgumentException>(() => new TrainingLoss(new LossOptions(BalanceClasses: true), multiLabel: true)).Message, StringComparison.Ordinal);
        Assert.Contains("label_smoothing", Assert.Throws<ArgumentException>(() => new TrainingLoss(new LossOptions(LabelSmoothing: 0.1f), multiLabel: true)).Message, StringComparison.Ordinal);
        Assert.Contains("2 numbers for 3 classes", Assert.Throws<ArgumentException>(() => new TrainingLoss(new LossOptions(ClassWeights: [1, 2]), perClass: [1, 1, 1])).Message, StringComparison.Ordinal);
    }
}
