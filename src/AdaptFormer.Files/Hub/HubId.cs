using System.Text.RegularExpressions;

namespace AdaptFormer.Files.Hub;

/// <summary>A model on the Hugging Face Hub: <c>owner/name</c> or <c>owner/name@revision</c>.</summary>
/// <param name="Repository"><c>owner/name</c>.</param>
/// <param name="Revision">A branch, tag or commit; <c>main</c> if none is said.</param>
public sealed partial record HubId(string Repository, string Revision)
{
    /// <summary>What stands ahead of an id where a path is expected, as in <c>model.weights = "hub:owner/name"</c>.</summary>
    public const string Scheme = "hub:";

    /// <summary>Reads an id.</summary>
    /// <param name="text">With or without <see cref="Scheme"/>.</param>
    /// <exception cref="ArgumentException">It is no such id.</exception>
    public static HubId Parse(string text)
    {
        string id = text.StartsWith(Scheme, StringComparison.Ordinal) ? text[Scheme.Length..] : text;
        string[] parts = id.Split('@', 2);
        (string repository, string revision) = (parts[0], parts.Length > 1 ? parts[1] : "main");
        if (!RepositoryName().IsMatch(repository) || !RevisionName().IsMatch(revision) || id.Contains("..", StringComparison.Ordinal))
            throw new ArgumentException($"'{text}' is no model of the Hub; expected OWNER/NAME or OWNER/NAME@REVISION, for example "
                + "facebook/deit-tiny-patch16-224.");
        return new HubId(repository, revision);
    }

    /// <summary><c>owner/name</c>, with the revision where it is not <c>main</c>.</summary>
    public override string ToString() => Revision == "main" ? Repository : $"{Repository}@{Revision}";

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryName();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$", RegexOptions.CultureInvariant)]
    private static partial Regex RevisionName();
}
