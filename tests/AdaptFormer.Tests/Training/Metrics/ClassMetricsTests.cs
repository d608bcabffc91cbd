using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class ClassMetricsTests
{
    [Fact]
    public void Precision_recall_and_F1_are_those_of_scikit_learn()
    {
        // y_true = [0, 1, 2, 0, 1, 2], y_pred = [0, 2, 1, 0, 0, 1]: macro averages 2/9, 1/3 and 4/15.
        IReadOnlyList<ClassMetrics> classes = Score([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], known: 4).Metrics();
        Assert.Equal([2, 2, 2, 0], classes.Select(one => one.Items));
        Assert.Equal([3, 2, 1, 0], classes.Select(one => one.Answered));
        Assert.Equal([200 / 3.0, 0, 0], classes.Take(3).Select(one => one.Precision!.Value), Close);
        Assert.Equal([100.0, 0, 0], classes.Take(3).Select(one => one.Recall!.Value), Close);
        Assert.Equal([80.0, 0, 0], classes.Take(3).Select(one => one.F1!.Value), Close);
        Assert.Null(classes[3].Precision);      // occurs neither as label nor as answer, so it is in no mean
        MacroMetrics mean = MacroMetrics.Of(classes);
        Assert.Equal([200 / 9.0, 100 / 3.0, 400 / 15.0], [mean.Precision!.Value, mean.Recall!.Value, mean.F1!.Value], Close);
    }

    [Fact]
    public void A_class_that_is_answered_and_has_no_items_counts_as_0()
    {
        ClassMetrics never = Score([0, 0], [0, 1], known: 2).Metrics()[1];
        Assert.Equal((0, 1, 0.0, 0.0, 0.0, null), (never.Items, never.Answered, never.Precision, never.Recall, never.F1, never.Auc));
    }

    [Fact]
    public void The_area_under_the_ROC_curve_counts_pairs_and_ties_as_half()
    {
        Assert.Equal(0.75, RocAuc.Of([0.1f, 0.4f, 0.35f, 0.8f], [false, false, true, true])!.Value, 12);      // scikit-learn's own example
        Assert.Equal(0.5, RocAuc.Of([1, 1, 1], [true, false, true])!.Value, 12);
        Assert.Equal(0.875, RocAuc.Of([3, 2, 2, 1], [true, true, false, false])!.Value, 12);                 // of four pairs one is a tie
        Assert.Null(RocAuc.Of([1, 2], [true, true]));
        Assert.Null(RocAuc.Of([], []));
    }

    [Fact]
    public void The_area_ranks_by_the_probability_of_the_class_also_where_it_rounds_to_1()
    {
        // Class 0: 60 and 50 above the other are both a probability of 1 in floats; the order must still count.
        using TensorScope scope = new();
        Evaluator evaluator = new() { KeepsScores = true };
        evaluator.Add(Tensor.From([60, 0, 50, 0], new Shape(2, 2)), [0, 1]);
        Assert.Equal([100.0, 100.0], evaluator.Metrics().Select(one => one.Auc!.Value), Close);
        Assert.All(Score([0, 1], [0, 1], known: 2, keep: false).Metrics(), one => Assert.Null(one.Auc));
    }

    [Fact]
    public void Where_a_picture_may_have_several_classes_a_probability_above_one_half_is_an_answer()
    {
        MultiLabelScores scores = new(2);
        scores.Add([1, -1], [1, 0]);
        scores.Add([2, 3], [0, 1]);
        scores.Add([-2, -3], [1, 0], readable: false);
        IReadOnlyList<ClassMetrics> classes = scores.Metrics();
        Assert.Equal((2, 2, 50.0, 50.0, 50.0, 0.0), Of(classes[0]));         // of its two items one ranks below the other picture, one last
        Assert.Equal((1, 1, 100.0, 100.0, 100.0, 100.0), Of(classes[1]));

        static (int, int, double, double, double, double) Of(ClassMetrics one) =>
            (one.Items, one.Answered, one.Precision!.Value, one.Recall!.Value, one.F1!.Value, one.Auc!.Value);
    }

    private static bool Close(double a, double b) => Math.Abs(a - b) < 1e-9;

    private static Evaluator Score(int[] labels, int[] answers, int known, bool keep = true)
    {
        using TensorScope scope = new();
        float[] logits = new float[labels.Length * known];
        for (int i = 0; i < answers.Length; i++) logits[(i * known) + answers[i]] = 1;
        Evaluator evaluator = new() { KeepsScores = keep };
        evaluator.Add(Tensor.From(logits, new Shape(labels.Length, known)), labels);
        return evaluator;
    }
}
