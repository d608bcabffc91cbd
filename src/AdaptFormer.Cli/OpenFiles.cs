using System.Runtime.InteropServices;

namespace AdaptFormer.Cli;

/// <summary>
/// How many files this process may have open. .NET keeps two descriptors for each library that it loads, some eighty in all, so under a
/// small limit something fails at a place that depends on chance and says nothing of the reason: as a library that is not found, as
/// memory that is used up. Where the limit is soft .NET raises it by itself.
/// </summary>
internal static partial class OpenFiles
{
    /// <summary>Descriptors with which every command works; a training has about a hundred open.</summary>
    public const int Needed = 128;

    private const int Linux = 7, MacOS = 8;     // RLIMIT_NOFILE

    /// <summary>What is wrong with the limit; null where it is high enough.</summary>
    public static string? Problem()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) return null;
        return GetLimit(OperatingSystem.IsLinux() ? Linux : MacOS, out Limit limit) == 0 && limit.Soft < Needed
            ? $"only {limit.Soft} files may be open at once, and at least {Needed} are needed; raise the limit (ulimit -n {Needed}, or "
            + "LimitNOFILE of a service)."
            : null;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
