using System.Globalization;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Statistics;

namespace AdaptFormer.Cli.Output;

/// <summary>An experiment's records as people read them.</summary>
internal static class ExperimentText
{
    /// <summary>The end of a training in one line.</summary>
    public static string Line(TrialRecord r)
    {
        string outcome = r.Failure is not null
            ? "diverged" : r.ValidationTop1 is { } top1 ? Invariant($"validation {top1:0.00} %") : "done";
        return $"[{r.Done}/{r.Of}] {r.Row}, seed {r.Seed}: {outcome}, {Format.Duration(r.Seconds)}{(r.Kept ? " (kept)" : "")}";
    }

    /// <summary>Where a training is, in one line.</summary>
    public static string Line(TrialProgress r)
    {
        string left = r.SecondsLeft is { } seconds ? $", {Format.Duration(seconds)} left in all" : "";
        return $"[{r.Done}/{r.Of}] {r.Row}: {(r.Report is ProgressRecord step ? RunText.Title(step) : "")}{left}";
    }

    /// <summary>What a training's bar says beside its title.</summary>
    public static IEnumerable<string> Facts(TrialProgress r)
    {
        yield return $"{r.Done} of {r.Of} done";
        if (r.SecondsLeft is { } seconds) yield return $"{Format.Duration(seconds)} left";
    }

    /// <summary>The table.</summary>
    public static Table Table(ExperimentResult result)
    {
        bool validation = result.Rows.Any(row => row.Validation is not null), test = result.Rows.Any(row => row.Test is not null);
        bool compared = result.Significance is not null, paper = result.Rows.Any(row => row.Paper is not null);
        List<string> columns = [result.Kind == "sweep" ? "setting" : "method"];
        if (validation) columns.Add(">validation");
        if (test) columns.Add(">test");
        if (compared) columns.Add($">to {result.Best}");
        columns.AddRange([">trainable", ">time", ">an epoch", ">peak memory", ">adapter"]);
        if (paper) columns.Add(">paper");

        Table table = new(columns);
        foreach (RowResult row in result.Rows)
        {
            List<string> cells = [row.Name == result.Best ? $"{row.Name} *" : row.Name];
            if (validation) cells.Add(Text(row.Validation, row.Failure));
            if (test) cells.Add(Text(row.Test, row.Failure));
            if (compared) cells.Add(Text(row.ToBest));
            cells.AddRange([Format.Count(row.TrainableParameters), Format.Duration(row.Seconds), Format.Duration(row.SecondsPerEpoch),
                Format.Bytes(row.PeakBytes), Format.Bytes(row.AdapterBytes)]);
            if (paper) cells.Add(row.Paper is { } figure ? Invariant($"{figure:0.00}") : "");
            table.Add(cells);
        }

        return table;
    }

    /// <summary>What the table means.</summary>
    public static IEnumerable<string> Lines(ExperimentResult result)
    {
        foreach (string note in ExperimentNotes.Of(result)) yield return note;
        if (result.Halving is { } halving)
        {
            double share = 100.0 * halving.Epochs / halving.GridEpochs;
            yield return Invariant(
                $"{halving.Epochs} of {halving.GridEpochs} epochs ({share:0.0} %), {Format.Duration(halving.Seconds)}. Chosen: ")
                + string.Join(' ', halving.Chosen.Select(pair => $"--set {pair.Key}={pair.Value}"));
        }
    }

    private static string Text(Spread? spread, string? failure) => spread is null ? failure is null ? "-" : "diverged"
        : spread.Std is { } deviation ? Invariant($"{spread.Mean:0.00} ± {deviation:0.00}") : Invariant($"{spread.Mean:0.00}");

    private static string Text(Difference? difference) => difference is null ? "" : Invariant(
        $"{difference.Points:+0.00;-0.00;0.00} [{difference.Low:+0.0;-0.0;0.0}, {difference.High:+0.0;-0.0;0.0}]") + Meaning(difference);

    private static string Meaning(Difference difference) =>
        (difference.PValue is { } p ? Invariant($", p {p:0.000}") : "") + (difference.Significant ? " significant" : "");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
