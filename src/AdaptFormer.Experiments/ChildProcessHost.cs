using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AdaptFormer.Runs;

namespace AdaptFormer.Experiments;

/// <summary>
/// Runs every trial in a process of its own: its peak memory is its own, several run side by side, and one that is killed takes nothing
/// with it. The recipe goes in as a line on standard input, which then stays open: when it closes, because this process died, the trial
/// stops. Run records come back as lines on standard output.
/// </summary>
/// <param name="program">Makes the call of a program that serves as <see cref="TrialProcess"/> says; folder and threads are added.</param>
/// <param name="launcher">Starts it, maybe elsewhere; null starts it here.</param>
public sealed class ChildProcessHost(Func<ProcessStartInfo> program, TrialLauncher? launcher = null) : TrialHost
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override int MaxJobs => int.MaxValue;

    /// <inheritdoc/>
    public override string? Run(Trial trial, string folder, int threads, Action<RunRecord> report, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ProcessStartInfo start = program();
        start.ArgumentList.Add(launcher is null ? folder : Path.GetFullPath(folder));
        start.ArgumentList.Add(launcher is null ? threads.ToString(CultureInfo.InvariantCulture) : TrialProcess.OwnThreads);
        string? host = null;
        if (launcher is not null) start = launcher.Start(start, cancellation, out host);
        try
        {
            return Run(start, trial, report, cancellation);
        }
        finally
        {
            launcher?.Return(host);
        }
    }

    private static string? Run(ProcessStartInfo start, Trial trial, Action<RunRecord> report, CancellationToken cancellation)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        using Process process = Process.Start(start) ?? throw new IOException($"{start.FileName} cannot be started.");
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            using (cancellation.Register(() => Close(process)))
            {
                Send(process, trial.RecipeLine);
                while (process.StandardOutput.ReadLine() is { } line) report(Read(line));
                if (cancellation.IsCancellationRequested && !process.WaitForExit(Patience)) process.Kill();
                process.WaitForExit();
            }

            cancellation.ThrowIfCancellationRequested();
            string message = error.GetAwaiter().GetResult().Trim();
            return process.ExitCode switch
            {
                0 => null,
                TrialProcess.Diverged => message,
                int code => throw new TrialFailedException(message.Length > 0
                    ? message : $"The process ended with code {code} and said nothing.", code == TrialProcess.WrongCall),
            };
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static RunRecord Read(string line)
    {
        try
        {
            return RunRecord.FromJsonLine(line);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"A trial's process printed a line that is no record: {line}", error);
        }
    }

    // A process that has ended already says by its exit code why.
    private static void Send(Process process, string line)
    {
        try
        {
            process.StandardInput.WriteLine(line);
            process.StandardInput.Flush();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
        }
    }

    private static void Close(Process process)
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
        }
    }
}
