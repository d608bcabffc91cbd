using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>Starts the built program on a pseudo-terminal, as a person does; util-linux' <c>script</c> lends it.</summary>
internal static class PseudoTerminal
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Skips the test where there is no <c>script</c>.</summary>
    public static void SkipUnlessThere() => Assert.SkipUnless(
        OperatingSystem.IsLinux() && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "script"))),
        "There is no 'script' of util-linux here, which lends a pseudo-terminal.");

    /// <summary>Runs <c>adaptformer ARGUMENTS</c>; a word such as <c>&gt;file</c> redirects.</summary>
    public static Task<(int Code, TerminalScreen Screen)> Run(int columns, bool colour, params IEnumerable<string> arguments) =>
        RunIn(AppContext.BaseDirectory, columns, colour, arguments);

    /// <summary>The same in another current folder, whose <c>cache</c> is the cache of the Hub.</summary>
    public static async Task<(int Code, TerminalScreen Screen)> RunIn(string folder, int columns, bool colour, params IEnumerable<string> arguments)
    {
        string call = string.Join(' ', arguments.Prepend(Path.Combine(AppContext.BaseDirectory, "adaptformer.dll")).Select(Quote));
        ProcessStartInfo start = new("script", ["-qefc", $"stty cols {columns} rows 40; exec dotnet {call}", "/dev/null"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        start.Environment["ADAPTFORMER_CACHE"] = Path.Combine(folder, "cache");
        start.Environment["TERM"] = "xterm-256color";
        start.Environment["SHELL"] = "/bin/sh";
        start.Environment.Remove("NO_COLOR");
        if (!colour) start.Environment["NO_COLOR"] = "1";
        foreach (string launcher in (string[])["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]) start.Environment.Remove(launcher);

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }

        await error;
        return (process.ExitCode, new TerminalScreen(columns).Write(await output));
    }

    private static string Quote(string word) => Regex.IsMatch(word, "^[0-9]?>") ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
