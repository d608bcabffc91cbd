using AdaptFormer.Tests.Support;
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
        float[] logits = golden.Floats("input/logits");
        int[] labels = golden.Ints("input/target");
        int classes = golden.Shape("input/logits")[1];
        foreach (int k in new[] { 3, 5 })
        {
            TopKAccuracy accuracy = new(k);
            int half = labels.Length / 2; // two batches of different sizes
            accuracy.Add(logits.AsSpan(0, half * classes), labels.AsSpan(0, half));
            accuracy.Add(logits.AsSpan(half * classes), labels.AsSpan(half));
            Assert.Equal(golden.Doubles("out/top1")[0], accuracy.Top1, 1e-4);
            Assert.Equal(golden.Doubles($"out/top{k}")[0], accuracy.TopK, 1e-4);
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
        int[] shape = golden.Shape("input/view_logits");
        float[] logits = golden.Floats("input/view_logits");
        int[] labels = golden.Ints("input/view_target");
        ViewMerger merger = new(shape[2]);
        for (int view = shape[1] - 1; view >= 0; view--) // any order
            for (int video = 0; video < shape[0]; video++)
                merger.Add(video, labels[video], logits.AsSpan(((video * shape[1]) + view) * shape[2], shape[2]));

        double[] top1 = golden.Doubles("out/view_top1"), top5 = golden.Doubles("out/view_top5");
        foreach ((int sample, int label, int views, float[] mean) in merger.Merged())
        {
            Assert.Equal(shape[1], views);
            int rank = TopKAccuracy.Rank(mean, label);
            Assert.Equal(top1[sample] > 0, rank < 1);
            Assert.Equal(top5[sample] > 0, rank < 5);
        }

        Assert.Equal(shape[0], merger.Count);
    }
}
