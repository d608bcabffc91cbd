using System.Globalization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Cli.Demo;

/// <summary>What the demo says to people.</summary>
internal static class DemoText
{
    /// <summary>What will happen, and what it does not prove.</summary>
    public static IEnumerable<string> Introduction(DemoTask task, string folder, string backend)
    {
        VitConfig config = DemoTask.Config;
        string seeds = task.Seeds == 1 ? "one seed" : $"{task.Seeds} seeds, each with training pictures of its own";
        yield return "The pictures of this demo are synthetic: the program draws them. "
            + "The table compares ways of tuning on them; it says nothing about real pictures.";
        yield return $"backbone: a vision transformer of {config.Depth} blocks, {config.EmbedDim} features, {config.Tokens} tokens, "
            + "pre-trained by this program on 24 other kinds of drawn shapes";
        yield return $"task:     {task.Test.ClassNames.Count} new kinds ({Path.Combine(folder, DemoRun.ClassesName)} shows one of each) "
            + $"from {task.ImagesPerClass} pictures of each, tested on {Format.Count(task.TestImages)} others; "
            + $"{task.Epochs} epochs a method, {seeds}";
        yield return $"runs on:  {backend}";
        yield return "";
    }

    /// <summary>How the methods did under a seed, in one line.</summary>
    public static string Line(long seed, IReadOnlyDictionary<DemoMethod, List<DemoTraining>> trainings) =>
        $"seed {seed}:  {string.Join("  ", trainings.Select(of => Invariant($"{of.Key.Name} {of.Value[^1].Run.TestTop1:0.0} %")))}";

    /// <summary>The rows as in the paper's Table 1: full tuning first, the others with their distance to it.</summary>
    public static Table Table(IReadOnlyList<DemoRow> rows)
    {
        Table table = new(
            "method", ">trained parameters", ">right in training", ">right on test pictures", ">to full tuning", ">time", ">adapter file");
        DemoRow full = Full(rows);
        foreach (DemoRow row in rows.OrderByDescending(row => row == full))
        {
            table.Add(
                row.Method, Invariant($"{Format.Count(row.TrainableParameters)} ({row.TrainablePercent:0.0} %)"),
                Invariant($"{row.TrainTop1:0.0} %"), Score(row),
                row == full ? "" : Points(row.TestTop1 - full.TestTop1), Format.Duration(row.Seconds), Format.Bytes(row.AdapterBytes));
        }

        return table;
    }

    /// <summary>What the table shows, and the picture at the end with what was seen in it.</summary>
    public static IEnumerable<string> Lines(DemoTask task, DemoSummary demo)
    {
        DemoRow full = Full(demo.Results), adapted = demo.Results.First(row => row.Method == demo.Prediction.Method);
        double[] gains = [.. adapted.TestTop1PerSeed.Zip(full.TestTop1PerSeed, (a, b) => a - b)];
        if (demo.Seeds.Count > 1)
            yield return $"Right on test pictures: mean and standard deviation of {demo.Seeds.Count} seeds, "
                + "in each with other training pictures.";
        yield return Invariant(
            $"From {task.ImagesPerClass} pictures a class full tuning learns {full.TrainTop1:0.0} % of its training pictures ")
            + Invariant($"and {full.TestTop1:0.0} % of the others. {adapted.Method} is right on {adapted.TestTop1:0.0} % of these, ")
            + Invariant($"with {adapted.TrainablePercent:0.0} % of the parameters: {Verdict(gains)}.");
        yield return "";
        DemoPrediction prediction = demo.Prediction;
        yield return $"A test picture, {prediction.Picture} (synthetic, drawn as: {prediction.Truth})";
        IEnumerable<string> guesses = prediction.Guesses.Select(guess => Invariant($"{guess.Label} {100 * guess.Probability:0.0} %"));
        yield return $"{prediction.Method} sees: {string.Join(", ", guesses)}";
        yield return prediction.Right ? "That is right." : $"That is wrong: it was drawn as {prediction.Truth}.";
        yield return "";
        yield return $"{Format.Duration(demo.Seconds)} in all. "
            + "The runs lie beside the picture: recipe, log and adapter of each method and seed.";
    }

    private static string Verdict(double[] gains)
    {
        string points = $"{string.Join(", ", gains.Select(Points))} points to full tuning";
        return gains.All(gain => gain > 0) ? $"more with every seed ({points})"
            : gains.Average() > 0 ? $"more on average, not with every seed ({points})"
            : $"not more this time ({points})";
    }

    private static DemoRow Full(IReadOnlyList<DemoRow> rows) => rows[^1];

    private static string Score(DemoRow row) =>
        row.TestTop1Std is { } std ? Invariant($"{row.TestTop1:0.0} ± {std:0.0} %") : Invariant($"{row.TestTop1:0.0} %");

    private static string Points(double points) => Invariant($"{points:+0.0;-0.0;0.0}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
