using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Experiments;

/// <summary>Which rows the test data score, once, after everything is chosen.</summary>
public enum TestRows
{
    /// <summary>None.</summary>
    None,

    /// <summary>The best row on the validation data alone.</summary>
    Best,

    /// <summary>Every row: what a published table shows.</summary>
    All,
}

/// <summary>A recipe that a row may stand for.</summary>
/// <param name="Settings">What it was given in place of the base recipe's values.</param>
/// <param name="Recipe">The recipe, with its test data; the seed does not matter.</param>
public sealed record Candidate(IReadOnlyList<Setting> Settings, Recipe Recipe);

/// <summary>A row of the table to be.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Candidates">At least one; of several, the one with the best mean on the validation data becomes the row.</param>
/// <param name="Paper">The figure that the paper prints for it; null if none.</param>
public sealed record PlannedRow(string Name, IReadOnlyList<Candidate> Candidates, double? Paper = null);

/// <summary>What an experiment trains and compares.</summary>
/// <param name="Kind"><c>comparison</c> or <c>sweep</c>: the name of the file with its result.</param>
/// <param name="Rows">At least one row.</param>
/// <param name="Seeds">Seeds that every candidate is trained with, at least one.</param>
/// <param name="Test">What is scored on the test data at the end.</param>
/// <param name="ValidationFraction">Share of the training data that is set aside where a recipe sets none aside; 0 leaves such a recipe
/// alone, and its last epoch counts.</param>
/// <param name="Command">The call that asked for it, for the record; null if it was no command.</param>
public sealed record ExperimentPlan(
    string Kind, IReadOnlyList<PlannedRow> Rows, IReadOnlyList<long> Seeds, TestRows Test,
    double ValidationFraction = ExperimentPlan.DefaultValidationFraction, string? Command = null)
{
    /// <summary>Share of the training data that is set aside when nothing says how much.</summary>
    public const double DefaultValidationFraction = 0.2;

    /// <summary>The trial of a recipe under a seed.</summary>
    public Trial TrialOf(Recipe recipe, long seed) => new(recipe with
    {
        Seed = seed,
        Data = recipe.Data with
        {
            Test = null,
            ValidationFraction = recipe.Data.HasValidation ? recipe.Data.ValidationFraction : ValidationFraction,
        },
    });

    /// <summary>Everything that keeps the rows from being compared fairly, in words; empty if they share model, data and length.</summary>
    public IEnumerable<string> Warnings()
    {
        foreach (PlannedRow row in Rows.Skip(1))
        {
            string[] differences =
            [
                .. RecipeDifference.Between(Rows[0].Candidates[0].Recipe, row.Candidates[0].Recipe)
                    .Where(text => text.StartsWith("model.", StringComparison.Ordinal) || text.StartsWith("data.", StringComparison.Ordinal)
                        || text.StartsWith("epochs ", StringComparison.Ordinal))
                    .Where(text =>
                        !row.Candidates[0].Settings.Any(setting => text.StartsWith($"{setting.Key} ", StringComparison.Ordinal))),
            ];
            if (differences.Length > 0)
                yield return $"{row.Name} is not compared under the conditions of {Rows[0].Name}: {string.Join("; ", differences)}.";
        }
    }

    /// <summary>Refuses what cannot be compared at all.</summary>
    /// <exception cref="ArgumentException">There are no rows or no seeds, or rows have different test data.</exception>
    public void Check()
    {
        if (Rows.Count == 0) throw new ArgumentException("There is nothing to train.");
        if (Seeds.Count == 0 || Seeds.Distinct().Count() < Seeds.Count)
            throw new ArgumentException("An experiment needs at least one seed, each once.");
        if (ValidationFraction is not (>= 0 and <= 0.9))
            throw new ArgumentException($"The share of the training data to set aside must be in [0, 0.9], got {ValidationFraction}.");
        if (Rows.GroupBy(row => row.Name).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
            throw new ArgumentException($"Two rows are called '{twice}'; name them apart.");
        if (Rows.Any(row => row.Candidates.Count > 1)
            && Rows.SelectMany(row => row.Candidates).Any(c => !c.Recipe.Data.HasValidation && ValidationFraction == 0))
            throw new ArgumentException("Choosing among several values needs validation data: set a share of the training data aside.");
        string?[] tests = [.. Rows.SelectMany(row => row.Candidates).Select(candidate => candidate.Recipe.Data.Test).Distinct()];
        if (Test == TestRows.All && tests.Length > 1)
            throw new ArgumentException("Rows that are compared need the same test data, got "
                + $"{string.Join(" and ", tests.Select(test => test ?? "none"))}; give the same with --set data.test=PATH.");
    }
}
