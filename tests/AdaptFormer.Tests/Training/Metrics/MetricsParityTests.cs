using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Metrics;
using Xunit;

namespace AdaptFormer.Tests.Training.Metrics;

public sealed class MetricsParityTests
{
    private const double Tolerance = 1e-6;

    public static TheoryData<string> Files => ParityCase.Files("metrics");

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void Top_k_percentages_equal_the_reference(string file)
    {
        ParityCase golden = ParityCase.Open(file);
        int classes = golden.Shape("input/logits")[1];
        float[] logits = golden.Floats("input/logits");
        int[] labels = golden.Ints("input/target");
        Evaluator evaluator = new();
        int half = labels.Length / 2; // two batches of different sizes
        Add(..half);
        Add(half..);
        Assert.Equal(golden.Doubles("out/top1")[0], evaluator.Scores.Top1, 1e-4);
        Assert.Equal(golden.Doubles("out/top5")[0], evaluator.Scores.Top5, 1e-4);

        void Add(Range rows)
        {
            using TensorScope scope = new();
            (int start, int count) = rows.GetOffsetAndLength(labels.Length);
            float[] part = logits[(start * classes)..((start + count) * classes)];
            evaluator.Add(Tensor.From(part, new Shape(count, classes)), labels.AsSpan(start, count));
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void Average_precision_equals_the_reference(string file)
    {
        ParityCase golden = ParityCase.Open(file);
        int classes = golden.Shape("input/scores")[1];
        float[] target = golden.Floats("input/multi_target");
        bool[] labels = [.. target.Select(t => t > 0.5f)];
        int[] positives = [.. Enumerable.Range(0, classes).Select(c => Enumerable.Range(0, labels.Length / classes).Count(row => labels[(row * classes) + c]))];
        double[] perClass = AveragePrecision.PerClass(golden.Floats("input/scores"), labels, classes, ApDefinition.Asl);

        ParityCase.AssertClose("ap_per_class", golden.Doubles("out/ap_per_class"), perClass, Tolerance);
        Assert.Equal(golden.Doubles("out/mAP_percent_f64")[0], AveragePrecision.MeanPercent(perClass), 1e-9);
        Assert.Equal(golden.Doubles("out/mAP_percent_without_empty_classes")[0], AveragePrecision.MeanPercent(perClass, positives), 1e-4);

        // Without ties the two definitions differ by the 1e-8 only.
        double[] other = AveragePrecision.PerClass(golden.Floats("input/scores"), labels, classes, ApDefinition.ScikitLearn);
        ParityCase.AssertClose("both definitions", perClass, other, Tolerance);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void Merged_views_equal_the_reference(string file)
    {
        ParityCase golden = ParityCase.Open(file);
        int[] shape = golden.Shape("input/view_logits");                                    // [videos, views, K]
        int[] labels = [.. golden.Ints("input/view_target").SelectMany(label => Enumerable.Repeat(label, shape[1]))];
        Evaluator evaluator = new();
        using (TensorScope scope = new())
        {
            Tensor logits = Tensor.From(golden.Floats("input/view_logits"), new Shape(shape[0] * shape[1], shape[2]));
            new ViewMean(shape[1]).Add(logits, labels, default, evaluator.Add);
        }

        Assert.Equal(golden.Doubles("out/view_top1").Select(hit => hit > 0), evaluator.Answers.Select(answer => answer.Right));
        Assert.Equal(100 * golden.Doubles("out/view_top5").Average(hit => hit > 0 ? 1 : 0), evaluator.Scores.Top5, 1e-9);
    }
}
