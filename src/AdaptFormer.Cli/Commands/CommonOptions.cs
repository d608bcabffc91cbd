using System.CommandLine;

namespace AdaptFormer.Cli.Commands;

/// <summary>Options that several commands have, with one spelling and one meaning.</summary>
internal static class CommonOptions
{
    /// <summary><c>--json</c>: stdout holds JSON only.</summary>
    public static Option<bool> Json(string description) => new("--json") { Description = description };
}
