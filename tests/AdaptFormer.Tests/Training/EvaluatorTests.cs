using AdaptFormer.Data.Loading;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Training;

public sealed class EvaluatorTests
{
    /// <summary>Seven classes in falling order, so that the label is also its rank.</summary>
    private static readonly float[] Falling = [7, 6, 5, 4, 3, 2, 1];

    [Fact]
    public void Top_1_is_the_first_place_and_top_5_ends_with_the_fifth()
    {
        Evaluator evaluator = Score([[.. Falling], [.. Falling], [.. Falling], [.. Falling]], [0, 1, 4, 5]);
        Assert.Equal((4, 25.0, 75.0), (evaluator.Scores.Images, evaluator.Scores.Top1, evaluator.Scores.Top5));
        Assert.Equal([true, false, false, false], evaluator.Answers.Select(answer => answer.Right));
        Assert.All(evaluator.Answers, answer => Assert.Equal(0, answer.Predicted));
    }

    [Fact]
    public void A_tie_goes_to_the_lower_class()
    {
        Evaluator evaluator = Score([[1, 1], [1, 1]], [0, 1]);
        Assert.Equal(50, evaluator.Scores.Top1);
        Assert.Equal([(1, 1), (1, 0)], evaluator.PerClass);
    }

    [Fact]
    public void The_loss_is_the_mean_over_pictures_not_over_batches()
    {
        // −log p: log 2 for equal logits of two classes; log(1 + 1/3) where the label's odds are 3; log 4 where they are 1/3.
        Evaluator evaluator = new();
        float odds = MathF.Log(3);
        Add(evaluator, [[0, 0], [odds, 0], [odds, 0]], [0, 0, 1]);
        Add(evaluator, [[0, 0]], [1]);
        Assert.Equal((Math.Log(2) + Math.Log(4.0 / 3) + Math.Log(4) + Math.Log(2)) / 4, evaluator.Scores.Loss, 6);
        Assert.Equal([0.5f, 0.75f, 0.75f, 0.5f], evaluator.Answers.Select(answer => MathF.Round(answer.Confidence, 5)));
    }

    [Fact]
    public void A_picture_that_cannot_be_read_is_wrong_and_has_no_loss()
    {
        Evaluator evaluator = Score([[9, 0], [0, 0]], [Batch.Unreadable, 0]);
        Assert.Equal((2, 50.0, 50.0), (evaluator.Scores.Images, evaluator.Scores.Top1, evaluator.Scores.Top5));
        Assert.Equal(Math.Log(2), evaluator.Scores.Loss, 6);
        Assert.Equal((-1, false), (evaluator.Answers[0].Label, evaluator.Answers[0].Right));
        Assert.Equal([(1, 1), (0, 0)], evaluator.PerClass);
    }

    [Fact]
    public void With_several_labels_the_best_placed_one_decides_and_each_class_has_a_probability_of_its_own()
    {
        // First picture: labels 1 and 6, places 1 and 6. Second: label 5 at place 5, which is sixth. Third: label 0.
        float[] targets = [0, 1, 0, 0, 0, 0, 1, /**/ 0, 0, 0, 0, 0, 1, 0, /**/ 1, 0, 0, 0, 0, 0, 0];
        Evaluator evaluator = Score([[.. Falling], [.. Falling], [.. Falling]], [0, 0, 0], targets);
        Assert.Equal(100.0 / 3, evaluator.Scores.Top1, 9);
        Assert.Equal(200.0 / 3, evaluator.Scores.Top5, 9);
        Assert.Equal([1, 5, 0], evaluator.Answers.Select(answer => answer.Label));
        Assert.All(evaluator.Answers, answer => Assert.Equal(1 / (1 + Math.Exp(-7)), answer.Confidence, 6));
        Assert.Equal([(1, 1), (1, 0), (0, 0), (0, 0), (0, 0), (1, 0), (1, 0)], evaluator.PerClass);     // pictures that have it, and that have it in the first place

        // Mean over pictures of the mean over classes of log(1 + e^x) − t·x.
        double softplus = Falling.Sum(x => Math.Log(1 + Math.Exp(x))) / 7;
        Assert.Equal(softplus - ((6 + 1 + 2 + 7) / 21.0), evaluator.Scores.Loss, 5);
    }

    [Fact]
    public void Average_precision_of_several_labels_is_worked_out_by_hand()
    {
        // Class 0: scores 3, 2, 1 with labels yes, no, yes: (1 + 2/3) / 2. Class 1: labels no, yes, no: 1/2. Class 2 never occurs.
        Evaluator evaluator = Score([[3, 3, 0], [2, 2, 0], [1, 1, 0]], [0, 0, 0], [1, 0, 0, /**/ 0, 1, 0, /**/ 1, 0, 0]);
        double first = (1 + (2.0 / 3)) / 2, second = 0.5;
        Assert.Equal(100 * (first + second) / 3, evaluator.Result.MeanAp!.Value, 4);
        Assert.Equal(100 * (first + second) / 2, evaluator.Result.MeanApSklearn!.Value, 4);
        Assert.Equal(evaluator.Result.MeanAp, evaluator.Result.Main);
    }

    private static Evaluator Score(float[][] logits, int[] labels, float[]? targets = null)
    {
        Evaluator evaluator = new();
        Add(evaluator, logits, labels, targets);
        return evaluator;
    }

    private static void Add(Evaluator evaluator, float[][] logits, int[] labels, float[]? targets = null)
    {
        using TensorScope scope = new();
        float[] flat = [.. logits.SelectMany(row => row)];
        evaluator.Add(Tensor.From(flat, new Shape(logits.Length, logits[0].Length)), labels, targets);
    }
}
