using System.Globalization;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Statistics;
using AdaptFormer.Training;

namespace AdaptFormer.Reports;

/// <summary>The figure of a page that is drawn large, with how far it can be trusted.</summary>
internal static class Headlines
{
    /// <summary>Of a run that has ended: its test data's figure, else the kept epoch's on the data set aside.</summary>
    /// <param name="summary">The outcome.</param>
    /// <param name="scored">The answers on the test data; null if there are none.</param>
    /// <param name="setAside">Items of the validation data.</param>
    public static ReportHeadline? Of(TrainingSummary summary, Evaluator? scored, int setAside) =>
        scored is not null ? Of("test", scored)
        : summary.ValidationMap is { } map ? new($"validation mAP, {Items(setAside)}", Percent(map), null)
        : summary.ValidationTop1 is { } top1 ? Top1("validation", top1, setAside)
        : null;

    /// <summary>Of answers to data with labels.</summary>
    /// <param name="part">What the data are: <c>test</c>; empty to say nothing.</param>
    /// <param name="scored">The answers.</param>
    public static ReportHeadline Of(string part, Evaluator scored) =>
        scored.MultiLabel is { } many && scored.Result.MeanAp is { } map
            ? new($"{part} mAP, {Items(scored.Answers.Count)}".TrimStart(), Percent(map), Interval(many.Interval()))
            : Top1(part, scored.Result.Top1, scored.Answers.Count);

    /// <summary>Of a run that has not ended: the best epoch so far on the data set aside; null without any.</summary>
    /// <param name="epochs">The epochs so far.</param>
    public static ReportHeadline? SoFar(IReadOnlyList<EpochRecord> epochs) =>
        epochs.Max(epoch => epoch.ValidationMap) is { } map ? new("validation mAP, the best epoch so far", Percent(map), null)
        : epochs.Max(epoch => epoch.ValidationTop1) is { } top1 ? new("validation top-1, the best epoch so far", Percent(top1), null)
        : null;

    /// <summary>Of an experiment: its best row's figure, over all seeds.</summary>
    /// <param name="best">The row.</param>
    /// <param name="figure">What is measured: <c>top-1</c> or <c>mAP</c>.</param>
    /// <param name="answers">The answers of each of its seeds to the test data; empty if they are not at hand.</param>
    public static ReportHeadline? Of(RowResult best, string figure, IReadOnlyList<TestAnswers> answers)
    {
        if ((best.Test ?? best.Validation) is not { } spread) return null;
        string seeds = spread.Values.Count == 1 ? "one seed" : $"mean of {spread.Values.Count} seeds";
        string name = $"{(best.Test is null ? "validation" : "test")} {figure} of {best.Name}, {seeds}";
        bool counted = best.Test is not null && answers.Count == spread.Values.Count
            && answers.All(one => one.Map is null && one.Right.Length > 0);
        string? deviation = spread.Std is { } std ? Invariant($"± {std:0.00} over the seeds (standard deviation)") : null;
        return new(name, Percent(spread.Mean), counted ? Interval(OverSeedsAndItems(answers)) : deviation);
    }

    /// <summary>The facts without the one that is drawn large: the first, if any is.</summary>
    public static IReadOnlyList<ReportFact> Rest(ReportHeadline? headline, List<ReportFact> facts) => headline is null ? facts : facts[1..];

    private static (double Low, double High) OverSeedsAndItems(IReadOnlyList<TestAnswers> answers)
    {
        (double low, double high) =
            PairedBootstrap.Interval([.. answers.Select(one => (sbyte[])[.. one.Right.Select(right => (sbyte)(right ? 1 : 0))])]);
        return (100 * low, 100 * high);
    }

    private static ReportHeadline Top1(string part, double top1, int items)
    {
        string name = $"{part} top-1, {Items(items)}".TrimStart();
        if (items == 0) return new(name, Percent(top1), null);
        (double low, double high) = WilsonInterval.Of((int)Math.Round(top1 / 100 * items), items);
        return new(name, Percent(top1), Interval((100 * low, 100 * high)));
    }

    private static string? Interval((double Low, double High)? ends) =>
        ends is ({ } low, { } high) ? Invariant($"95 % interval {low:0.0} to {high:0.0} %") : null;

    private static string Items(int items) => Invariant($"{items:N0} item{(items == 1 ? "" : "s")}");

    private static string Percent(double value) => Invariant($"{value:0.00} %");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
