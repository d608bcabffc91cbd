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
        yield return "The pictures of this demo are synthetic: the program draws them. The table compares ways of tuning on them; it says nothing about real pictures.";
        yield return $"backbone: a vision transformer of {config.Depth} blocks, {config.EmbedDim} features, {config.Tokens} tokens, pre-trained by this program on 24 other kinds of drawn shapes";
        yield return $"task:     {task.Test.ClassNames.Count} new kinds ({Path.Combine(folder, DemoRun.ClassesName)} shows one of each), {Format.Count(task.TrainImages)} pictures to train on, {Format.Count(task.TestImages)} others to test, {task.Epochs} epochs a method";
        yield return $"runs on:  {backend}";
        yield return "";
    }

    /// <summary>How a method did, in one line.</summary>
    public static string Line(DemoRow row) =>
        $"{row.Method}: {Format.Percent(row.TestTop1)} right in {Format.Duration(row.Seconds)}, {Format.Count(row.TrainableParameters)} parameters learned";

    /// <summary>The rows as in the paper's Table 1: full tuning first, the others with their distance to it.</summary>
    public static Table Table(IReadOnlyList<DemoRow> rows)
    {
        Table table = new Table("method", ">trainable parameters", ">share", ">top-1 (to full tuning)", ">base lr", ">time", ">adapter file");
        DemoRow full = rows[^1];
        foreach (DemoRow row in rows.Prepend(full).Take(rows.Count))
        {
            table.Add(row.Method, Format.Count(row.TrainableParameters), Invariant($"{row.TrainablePercent:0.00} %"),
                Invariant($"{row.TestTop1:0.00} % ({row.TestTop1 - full.TestTop1:+0.00;-0.00;0.00})"), Invariant($"{row.BaseLr:0.####}"),
                Format.Duration(row.Seconds), Format.Bytes(row.AdapterBytes));
        }

        return table;
    }

    /// <summary>The picture at the end and what was seen in it.</summary>
    public static IEnumerable<string> Lines(DemoSummary demo)
    {
        DemoPrediction prediction = demo.Prediction;
        yield return $"A test picture, {prediction.Picture} (synthetic, drawn as: {prediction.Truth})";
        yield return $"{prediction.Method} sees: {string.Join(", ", prediction.Guesses.Select(guess => Invariant($"{guess.Label} {100 * guess.Probability:0.0} %")))}";
        yield return prediction.Right ? "That is right." : $"That is wrong: it was drawn as {prediction.Truth}.";
        yield return "";
        yield return $"{Format.Duration(demo.Seconds)} in all. The runs lie beside the picture: recipe, log and adapter of each method.";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
