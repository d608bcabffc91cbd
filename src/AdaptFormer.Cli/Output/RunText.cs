using System.Globalization;
using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Output;

/// <summary>A run's records as people read them.</summary>
internal static class RunText
{
    /// <summary>What the speed of a run on pictures is called.</summary>
    public const string ImageRate = "images/s";

    private const string ClipRate = "clips/s";

    /// <summary>What a run's speeds are called, once a record has said of what it is.</summary>
    /// <param name="record">A record of the run.</param>
    /// <param name="before">What they were called so far.</param>
    public static string Rate(RunRecord record, string before) => record switch
    {
        StartRecord start => start.Clips ? ClipRate : ImageRate,
        PretrainStartRecord start => start.Clips ? ClipRate : ImageRate,
        _ => before,
    };

    /// <summary>What will be trained, in three lines.</summary>
    public static IEnumerable<string> Lines(StartRecord r)
    {
        yield return $"{r.Method} on {r.Model}: {Format.Count(r.TrainableParameters)} of {Format.Count(r.TotalParameters)} parameters "
            + $"train ({Format.Share(r.TrainableParameters, r.TotalParameters)})";
        string validation = r.ValidationImages > 0 ? $", {Format.Count(r.ValidationImages)} to choose the best epoch" : "";
        string test = r.TestImages > 0 ? $", {Format.Count(r.TestImages)} to test" : ", none to test";
        yield return $"{Format.Count(r.TrainImages)} {(r.Clips ? "clips" : "pictures")} of {r.Classes} classes{validation}{test}";
        yield return Invariant($"peak learning rate {r.PeakLr:0.######}, seed {r.Seed}, {r.Precision} on {r.Backend}");
        if (r.Processes is { } processes) yield return processes;
    }

    /// <summary>What is kept of frozen layers, in one line.</summary>
    public static string Line(CacheRecord r) => $"cache: {r.Message}{(r.Used ? $", {Format.Bytes(r.Bytes)}" : "")}";

    /// <summary>What will be pre-trained, in three lines.</summary>
    public static IEnumerable<string> Lines(PretrainStartRecord r)
    {
        yield return $"pre-training of {r.Model}: {Format.Count(r.EncoderParameters)} parameters, and "
            + $"{Format.Count(r.DecoderParameters)} of a decoder that is dropped afterwards";
        yield return $"{Format.Count(r.TrainImages)} {(r.Clips ? "clips" : "pictures")} of {r.Patches} "
            + $"patches{(r.ResumedEpoch > 0 ? $", going on after epoch {r.ResumedEpoch}" : "")}";
        yield return Invariant($"peak learning rate {r.PeakLr:0.######}, seed {r.Seed}, {r.Precision} on {r.Backend}");
        if (r.Processes is { } processes) yield return processes;
    }

    /// <summary>Where the run is, in one line.</summary>
    public static string Line(ProgressRecord r, string rate = ImageRate)
    {
        string loss = r.Loss is { } value ? Invariant($"  loss {value:0.0000}") : "";
        string left = r.SecondsLeft is { } seconds ? $"  {Format.Duration(seconds)} left" : "";
        string percent = r.Steps > 0 ? $" {100L * r.Step / r.Steps} %" : "";
        return Invariant($"{Title(r)}{percent}{loss}  {r.ImagesPerS:0.0} {rate}  waiting {100 * r.WaitShare:0} %{left}{Slowest(r, "  ")}");
    }

    /// <summary>What a progress bar says beside its title and its percentage, the important first.</summary>
    public static IEnumerable<string> Facts(ProgressRecord r, string rate = ImageRate)
    {
        if (r.SecondsLeft is { } seconds) yield return $"{Format.Duration(seconds)} left";
        if (r.Loss is { } loss) yield return Invariant($"loss {loss:0.0000}");
        if (r.ImagesPerS > 0) yield return Invariant($"{r.ImagesPerS:0.0} {rate}");
        if (r.WaitShare > 0) yield return Invariant($"waiting {100 * r.WaitShare:0} %");
        if (Slowest(r, "") is { Length: > 0 } slowest) yield return slowest;
    }

    /// <summary>What is being done, for a progress bar.</summary>
    public static string Title(ProgressRecord r) => r.Phase is "test" or "cache" ? r.Phase : $"epoch {r.Epoch}/{r.Epochs} {r.Phase}";

    /// <summary>An epoch's figures in one line.</summary>
    /// <param name="r">The epoch.</param>
    /// <param name="epochs">Number of epochs; 0 if unknown.</param>
    public static string Line(EpochRecord r, int epochs, string rate = ImageRate)
    {
        string of = epochs > 0 ? $"/{epochs}" : "";
        string validation = r.ValidationMap is { } map
            ? Invariant($"  val mAP {map:0.00} %") : r.ValidationTop1 is { } top1 ? Invariant($"  val {top1:0.00} %") : "";
        string train = r.TrainTop1 is { } right ? Invariant($"  train {right:0.00} %") : "";
        string figures = r.Figures is null
            ? "" : string.Concat(r.Figures.Select(figure => Invariant($"  {figure.Key} {figure.Value:0.####}")));
        return Invariant($"epoch {r.Epoch}{of}  loss {r.TrainLoss:0.0000}{train}{validation}{figures}  lr {r.Lr:0.######}  ")
            + Invariant($"{r.ImagesPerS:0.0} {rate}  waiting {100 * r.WaitShare:0} %  {Format.Duration(r.Seconds)}");
    }

    /// <summary>The outcome of a run.</summary>
    public static Table Table(TrainingSummary r, string rate = ImageRate)
    {
        Table table = new Table("result", ">");
        if (r.TestMap is not null)
        {
            table.Add("test mAP (ASL)", Format.Percent(r.TestMap));
            table.Add("test mAP (scikit-learn)", Format.Percent(r.TestMapSklearn));
        }
        else if (r.TestTop1 is not null)
        {
            table.Add("test top-1", Format.Percent(r.TestTop1));
            table.Add("test top-5", Format.Percent(r.TestTop5));
        }

        if (r.TestF1 is not null) table.Add("test F1, mean of classes", Format.Percent(r.TestF1));
        if (r.TestAuc is not null) table.Add("test AUC, mean of classes", Format.Percent(r.TestAuc));
        if (r.ValidationMap is not null) table.Add("validation mAP", Format.Percent(r.ValidationMap));
        else if (r.ValidationTop1 is not null) table.Add("validation top-1", Format.Percent(r.ValidationTop1));
        table.Add("epoch kept", r.StoppedAfter is { } last ? $"{r.BestEpoch} (stopped early after {last})" : $"{r.BestEpoch}");
        table.Add("trainable parameters",
            $"{Format.Count(r.TrainableParameters)} ({Format.Share(r.TrainableParameters, r.TotalParameters)})");
        if (r.Adapter is not null) table.Add("adapter", $"{r.Adapter} ({Format.Bytes(r.AdapterBytes)})");
        if (r.Report is not null) table.Add("report", r.Report);
        table.Add("time", $"{Format.Duration(r.Seconds)} ({Format.Duration(r.SecondsPerEpoch)} an epoch)");
        table.Add("speed", Invariant($"{r.ImagesPerS:0.0} {rate}"));
        table.Add("peak memory", Format.Bytes(r.PeakBytes));
        return table;
    }

    /// <summary>The outcome of several seeds.</summary>
    public static Table Table(SeedsSummary r)
    {
        if (r.TestMapPerSeed is { } maps)
        {
            Table byMap = new Table("seed", ">test mAP");
            foreach ((long seed, double map) in r.Seeds.Zip(maps)) byMap.Add($"{seed}", Format.Percent(map));
            byMap.Add("mean", Format.Percent(maps.Average()));
            return byMap;
        }

        Table table = new Table("seed", ">test top-1");
        foreach ((long seed, double top1) in r.Seeds.Zip(r.TestTop1PerSeed)) table.Add($"{seed}", Format.Percent(top1));
        if (r.TestTop1 is { } mean)
            table.Add("mean ± deviation", r.TestTop1Std is { } deviation
                ? Invariant($"{mean:0.00} ± {deviation:0.00} %") : Format.Percent(mean));
        return table;
    }

    // The one that all wait for, by how much it works longer than the mean.
    private static string Slowest(ProgressRecord r, string before) =>
        r.Slowest is { } slowest ? Invariant($"{before}slowest rank {slowest.Rank} +{100 * slowest.Excess:0} %") : "";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
