using System.Globalization;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Reports;

/// <summary>The small figures at the head of a run's page.</summary>
internal static class RunFacts
{
    /// <summary>Of a run that has ended.</summary>
    /// <param name="recipe">Its recipe.</param>
    /// <param name="model">The model as it was kept.</param>
    /// <param name="r">The outcome.</param>
    public static List<ReportFact> Of(Recipe recipe, Backbone model, TrainingSummary r)
    {
        List<ReportFact> facts = [];
        Score("test mAP", r.TestMap);
        Score("validation mAP", r.ValidationMap);
        Score("test top-1", r.TestTop1);
        Score("test top-5", r.TestTop5);
        Score("test F1, mean of classes", r.TestF1);
        Score("test AUC, mean of classes", r.TestAuc);
        Score("validation top-1", r.ValidationTop1);
        string stopped = r.StoppedAfter is { } after ? Invariant($", stopped early after {after}") : "";
        facts.Add(new("epoch kept", Invariant($"{r.BestEpoch} of {recipe.Epochs}{stopped}")));
        double share = 100.0 * r.TrainableParameters / r.TotalParameters;
        facts.Add(new("trainable parameters", Invariant($"{r.TrainableParameters:N0} ({share:0.00} %)")));
        facts.Add(new("adapter file", Invariant($"{r.AdapterBytes / 1e6:0.00} MB")));
        facts.Add(new("seconds an epoch", Invariant($"{r.SecondsPerEpoch:0.0}")));
        facts.Add(new("pictures a second", Invariant($"{r.ImagesPerS:0.0}")));
        facts.Add(new("peak memory", Invariant($"{r.PeakBytes / 1e6:0} MB")));
        facts.Add(new("precision", model.Compute == DataType.BFloat16 ? "bfloat16" : "float32"));
        facts.Add(new("seed", Invariant($"{r.Seed}")));
        facts.Add(new("formula", recipe.Tuning.Formula));
        return facts;

        void Score(string name, double? percent)
        {
            if (percent is { } value) facts.Add(new(name, Invariant($"{value:0.00} %")));
        }
    }

    /// <summary>Of a run that has not ended.</summary>
    /// <param name="recipe">Its recipe.</param>
    /// <param name="epochs">The epochs so far.</param>
    public static List<ReportFact> SoFar(Recipe recipe, IReadOnlyList<EpochRecord> epochs)
    {
        List<ReportFact> facts = [new("epochs done", Invariant($"{epochs.Count} of {recipe.Epochs}"))];
        if (epochs.Count > 0)
        {
            facts.Add(new("last training loss", Invariant($"{epochs[^1].TrainLoss:0.0000}")));
            facts.Add(new("seconds an epoch", Invariant($"{epochs.Average(epoch => epoch.Seconds):0.0}")));
        }

        facts.Add(new("seed", Invariant($"{recipe.Seed}")));
        facts.Add(new("formula", recipe.Tuning.Formula));
        return facts;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
