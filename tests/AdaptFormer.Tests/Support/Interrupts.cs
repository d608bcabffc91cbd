using System.Globalization;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Ctrl-C in tests.</summary>
internal static class Interrupts
{
    /// <summary>Skips the test where no child process would notice a signal: on Windows, and below a shell's background job or nohup, which pass on that it is ignored.</summary>
    /// <param name="signal">Its number; that of SIGINT if left out.</param>
    public static void SkipUnlessHeard(int signal = 2)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no way to send Ctrl-C to one process.");
        if (!OperatingSystem.IsLinux()) return;
        string ignored = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        Assert.SkipWhen((ulong.Parse(ignored.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << (signal - 1))) != 0, $"Signal {signal} is ignored in this process and so in its children, as in a shell's background job.");
    }
}
