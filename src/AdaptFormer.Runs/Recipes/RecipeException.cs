namespace AdaptFormer.Runs.Recipes;

/// <summary>A recipe, or an edit to one, that is not valid.</summary>
/// <param name="source">The file.</param>
/// <param name="problems">Everything that is wrong with it, at least one, each naming the full key.</param>
public sealed class RecipeException(string source, IReadOnlyList<string> problems)
    : ArgumentException(Describe(source, problems))
{
    /// <summary>Everything that is wrong, each naming the full key.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;

    private static string Describe(string source, IReadOnlyList<string> problems) => problems.Count == 1
        ? $"{source}: {problems[0]}."
        : $"{source} has {problems.Count} problems:{string.Concat(problems.Select(problem => $"\n  {problem}."))}";
}
