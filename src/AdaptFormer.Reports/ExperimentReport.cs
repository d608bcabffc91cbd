using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Runs.Statistics;

namespace AdaptFormer.Reports;

/// <summary>The page of a comparison or a sweep: <c>report.html</c> beside its result, with links to the pages of its trainings.</summary>
public static class ExperimentReport
{
    private const string Name = "report.html";

    /// <summary>The result that lies in a folder, the newer one if a comparison and a sweep share it; null if there is none.</summary>
    public static string? Find(string folder) => ((string[])["comparison.json", "sweep.json"])
        .Select(name => Path.Combine(folder, name)).Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc);

    /// <summary>Makes the page of a finished experiment anew.</summary>
    /// <param name="folder">The experiment's folder.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="IOException">The folder holds no finished experiment, or a file cannot be read or written.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static string Remake(string folder) => Find(folder) is { } path
        ? Write(folder, ExperimentResult.Read(path))
        : throw new FileNotFoundException(
            $"{folder} holds no comparison and no sweep that has ended: there is neither a comparison.json nor a sweep.json in it.");

    /// <summary>Writes the page.</summary>
    /// <param name="folder">The experiment's folder.</param>
    /// <param name="result">What the page shows.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static string Write(string folder, ExperimentResult result)
    {
        bool sweep = result.Kind == "sweep";
        string title = $"{(sweep ? "Sweep" : "Comparison")} of {result.Rows.Count} {(sweep ? "settings" : "methods")} on {result.Model}";
        string path = Path.Combine(folder, Name);
        ReportHeadline? headline = Headline(folder, result);
        JsonObject data = new()
        {
            ["headline"] = headline is null ? null : JsonSerializer.SerializeToNode(headline, ReportJson.Default.ReportHeadline),
            ["facts"] = JsonSerializer.SerializeToNode(Headlines.Rest(headline, Facts(result)), ReportJson.Default.IReadOnlyListReportFact),
            ["metric"] = result.MultiLabel ? "mAP" : "top-1",
            ["multi_label"] = result.MultiLabel,
            ["notes"] = new JsonArray([.. ExperimentNotes.Of(result).Select(note => (JsonNode)note)]),
            ["recipes"] = Recipes(folder, result),
            ["result"] = JsonNode.Parse(result.ToJson()),
        };
        AtomicFile.WriteAllText(path, ReportPage.Html(title, ReportPage.Safe(data.ToJsonString()), "experiment.js"));
        return path;
    }

    private static RowResult? Best(ExperimentResult result) => result.Rows.FirstOrDefault(row => row.Name == result.Best);

    private static ReportHeadline? Headline(string folder, ExperimentResult result)
    {
        if (Best(result) is not { } best) return null;
        IEnumerable<string> files = best.Trials.Select(trial => trial.Test?.Answers is { } file ? Path.Combine(folder, file) : "");
        return Headlines.Of(best, result.MultiLabel ? "mAP" : "top-1", [.. files.Where(File.Exists).Select(TestAnswers.Read)]);
    }

    private static List<ReportFact> Facts(ExperimentResult result)
    {
        List<ReportFact> facts = [];
        string figure = result.MultiLabel ? "mAP" : "top-1";
        if (Best(result) is { } best)
        {
            if (best.Test is { } test) facts.Add(new($"test {figure} of the best", Text(test)));
            if (best.Validation is { } validation) facts.Add(new($"validation {figure} of the best", Text(validation)));
            double share = 100.0 * best.TrainableParameters / Math.Max(1, best.TotalParameters);
            facts.Add(new("trainable parameters of the best", Invariant($"{best.TrainableParameters:N0} ({share:0.00} %)")));
        }

        IEnumerable<RowResult> rows = result.Halving is { } halving ? halving.Rungs.SelectMany(rung => rung.Rows) : result.Rows;
        TrialResult[] trials = [.. rows.SelectMany(row => row.Trials)];
        facts.Add(new("seeds", string.Join(", ", result.Seeds)));
        facts.Add(new("trainings", Invariant($"{trials.Length}")));
        facts.Add(new("time of all trainings", Invariant($"{trials.Sum(trial => trial.Summary?.Seconds ?? 0) / 60:0.0} min")));
        if (result.Halving is { } spent)
        {
            facts.Add(new("chosen", string.Join(", ", spent.Chosen.Select(pair => $"{pair.Key}={pair.Value}"))));
            facts.Add(new("of the full grid's epochs", Invariant($"{100.0 * spent.Epochs / spent.GridEpochs:0.0} %")));
        }

        facts.Add(new("training data", result.TrainData));
        if (result.TestData is { } data) facts.Add(new("test data", data));
        return facts;
    }

    // The resolved recipe of each row's first training.
    private static JsonObject Recipes(string folder, ExperimentResult result)
    {
        JsonObject recipes = [];
        foreach (RowResult row in result.Rows)
        {
            if (row.Trials.Count == 0 || !Directory.Exists(Path.Combine(folder, row.Trials[0].Folder))) continue;
            using RunDirectory run = RunDirectory.Open(Path.Combine(folder, row.Trials[0].Folder));
            recipes[row.Name] = JsonNode.Parse(Recipe.Load(run.RecipePath).ToJson());
        }

        return recipes;
    }

    private static string Text(Spread spread) =>
        spread.Std is { } deviation ? Invariant($"{spread.Mean:0.00} ± {deviation:0.00} %") : Invariant($"{spread.Mean:0.00} %");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
