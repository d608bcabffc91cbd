namespace AdaptFormer.Models;

/// <summary>What a weights file held and what was done with it: nothing is renamed, resized or left out without being told here.</summary>
/// <param name="Path">The file.</param>
/// <param name="Kind">Its kind, for example <c>safetensors</c>.</param>
/// <param name="Naming">Whose names it uses.</param>
/// <param name="Wrapper">The prefix that stood ahead of the backbone's names, and dictionaries around them; empty when there was
/// none.</param>
/// <param name="Changes">What was resized, repeated or inflated, in words.</param>
/// <param name="Ignored">Names in the file that the model does not use, with the reason.</param>
/// <param name="Fresh">Names in the model that the file does not have and that start anew.</param>
/// <param name="Notes">What was assumed.</param>
public sealed record LoadReport(
    string Path,
    string Kind,
    string Naming,
    string Wrapper,
    IReadOnlyList<string> Changes,
    IReadOnlyList<(string Name, string Reason)> Ignored,
    IReadOnlyList<string> Fresh,
    IReadOnlyList<string> Notes)
{
    /// <summary>The note of weights that nothing describes.</summary>
    public const string NoStatistics =
        "nothing says how pictures must be normalised: ImageNet's statistics are assumed; give the model's id or the statistics if that "
        + "is wrong";

    /// <summary>The report as lines of text, the usual first; unusual things only where there are any.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Path}: {Kind}, {Naming} names{(Wrapper.Length > 0 ? $" under '{Wrapper}'" : "")}";
        foreach (string text in Changes) yield return $"changed: {text}";
        foreach (var group in Ignored.GroupBy(entry => entry.Reason, entry => entry.Name))
            yield return $"not used ({group.Key}): {Shorten([.. group])}";
        if (Fresh.Count > 0) yield return $"starts anew: {Shorten(Fresh)}";
        foreach (string note in Notes) yield return $"note: {note}";
    }

    private static string Shorten(IReadOnlyList<string> names) =>
        names.Count <= 8 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(7))} and {names.Count - 7} more";
}
