using System.Globalization;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Ctrl-C in tests.</summary>
internal static class Interrupts
{
    private const ulong SigInt = 1UL << (2 - 1);

    /// <summary>Skips the test where no child process would notice SIGINT: on Windows, and below a shell's background job, which passes on that it is ignored.</summary>
    public static void SkipUnlessHeard()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no way to send Ctrl-C to one process.");
        if (!OperatingSystem.IsLinux()) return;
        string ignored = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        Assert.SkipWhen((ulong.Parse(ignored.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & SigInt) != 0, "SIGINT is ignored in this process and so in its children, as in a shell's background job.");
    }
}
