using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Ctrl-C in tests.</summary>
internal static class Interrupts
{
    /// <summary>Sends a signal to a process: by the shell, for a machine with little on it has no program of that name.</summary>
    /// <param name="signal">For example <c>INT</c>.</param>
    /// <param name="to">The process.</param>
    public static async Task Send(string signal, Process to)
    {
        using Process shell = Process.Start("sh", ["-c", $"kill -{signal} {to.Id}"]);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

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
