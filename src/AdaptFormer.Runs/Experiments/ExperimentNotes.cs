using System.Globalization;

namespace AdaptFormer.Runs.Experiments;

/// <summary>What must be known to read an experiment's table.</summary>
public static class ExperimentNotes
{
    /// <summary>One sentence or two for each; the first says what the figures are.</summary>
    public static IEnumerable<string> Of(ExperimentResult result)
    {
        string figure = result.MultiLabel ? "Mean average precision" : "Top-1", seeds = result.Seeds.Count == 1
            ? $"seed {result.Seeds[0]}" : $"mean ± deviation of seeds {string.Join(", ", result.Seeds)}";
        string share = result.ValidationFraction > 0
            ? string.Create(CultureInfo.InvariantCulture, $" ({100 * result.ValidationFraction:0.#} % of the training data)") : "";
        yield return $"{figure} in percent, {seeds}; * the best on the {result.BestBy} data{share}. Time is of one training.";
        if (result.Significance == "mcnemar_exact")
            yield return "To the best: points, the 95 % bootstrap interval over the test pictures, and p of McNemar's exact test; "
                + "significant below 0.05.";
        if (result.Significance == "paired_bootstrap")
            yield return "To the best: points and the 95 % bootstrap interval over seeds and test pictures; significant when it leaves "
                + "out 0.";
        foreach (RowResult row in result.Rows.Where(row => row.Failure is not null)) yield return $"{row.Name}: {row.Failure}";
        foreach (RowResult row in result.Rows.Where(row => row.Candidates is not null))
            yield return $"{row.Name} was chosen with {string.Join(", ", row.Values.Select(pair => $"{pair.Key}={pair.Value}"))} of "
                + $"{row.Candidates!.Count} candidates.";
    }
}
