using System.Diagnostics;
using System.Text.Json;
using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;

namespace AdaptFormer.Tests.Cli;

/// <summary>What a call of the program left behind.</summary>
internal sealed record CliOutcome(int Code, string Output, string Error)
{
    /// <summary>stdout as JSON lines.</summary>
    public JsonElement[] Json => [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
}

/// <summary>
/// Calls the program. <see cref="Run(IEnumerable{string})"/> and its kind start a process, as a user does; <see cref="Call"/> enters where
/// that process would, in this one, which spares some seconds of compiling for each call: it is for tests of what a command answers, while
/// that each command runs in a process, on a terminal and piped, is tested by <see cref="TerminalTests"/>.
/// </summary>
internal static class CliProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>In this process, redirected. Paths must be absolute.</summary>
    public static async Task<CliOutcome> Call(params IEnumerable<string> arguments)
    {
        using StringWriter output = new(), error = new();
        int code = await Task.Run(() => Shell.RunAsync([.. arguments], new Screen(TextWriter.Synchronized(output), TextWriter.Synchronized(error), terminal: false)));
        return new CliOutcome(code, output.ToString(), error.ToString());
    }

    public static Task<CliOutcome> Run(params IEnumerable<string> arguments) => Run([], arguments);

    /// <summary>With further environment variables.</summary>
    public static async Task<CliOutcome> Run(Dictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        using Process process = Start(environment, arguments);
        return await Finish(process);
    }

    /// <summary>In another current folder.</summary>
    public static Task<CliOutcome> RunIn(string folder, params IEnumerable<string> arguments) => RunIn(folder, [], arguments);

    /// <summary>In another current folder, with further environment variables.</summary>
    public static async Task<CliOutcome> RunIn(string folder, Dictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        using Process process = Start(folder, environment, arguments);
        return await Finish(process);
    }

    public static Process Start(params IEnumerable<string> arguments) => Start([], arguments);

    public static Process Start(Dictionary<string, string> environment, params IEnumerable<string> arguments) => Start(AppContext.BaseDirectory, environment, arguments);

    private static Process Start(string folder, Dictionary<string, string> environment, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "adaptformer.dll"));
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Waits for the end; what was read of stdout before is not in the outcome.</summary>
    public static async Task<CliOutcome> Finish(Process process)
    {
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

        return new CliOutcome(process.ExitCode, await output, await error);
    }
}
