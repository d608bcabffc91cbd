using System.CommandLine;

namespace AdaptFormer.Cli.Commands;

/// <summary>Options that several commands have, with one spelling and one meaning.</summary>
internal static class CommonOptions
{
    /// <summary><c>--json</c>: stdout holds JSON only.</summary>
    public static Option<bool> Json(string description) => new("--json") { Description = description };

    /// <summary><c>--threads</c>: how many compute.</summary>
    public static Option<int?> Threads() => new("--threads")
    { Description = "Threads that compute; all cores, or a process's share of them, if left out.", HelpName = "n" };
}
