using System.CommandLine;
using System.Diagnostics;
using AdaptFormer.Cli.Output;
using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Tensors.Backends.OneDnn;

namespace AdaptFormer.Cli.Commands;

/// <summary>The hidden <c>adaptformer trial</c>: what a comparison or a sweep starts for each of its trainings; see
/// <see cref="TrialProcess"/>.</summary>
internal static class TrialCommand
{
    public const string Name = "trial";

    public static Command Create(Screen screen)
    {
        Argument<string> folder = new("folder"), threads = new("threads");
        FileCommand command = new(Name, "Carry out the recipe on standard input.") { folder, threads };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => Task.Run(() =>
        {
            try
            {
                int? count = parsed.GetValue(threads) is { } text && text != TrialProcess.OwnThreads ? int.Parse(text) : null;
                return Ranks.Run(screen, count, ranks => Serve(screen, parsed.GetValue(folder)!, ranks, cancellation));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // No name ahead of the message: the program that started this one puts its own there.
                (int code, string message) = Failure.Describe(error);
                screen.ErrorWriter.WriteLine(message);
                return code;
            }
        }, CancellationToken.None));
        DeviceChoice.AddTo(command);
        return command;
    }

    private static int Serve(Screen screen, string folder, Collective ranks, CancellationToken cancellation)
    {
        try
        {
            TrialProcess.Serve(folder, Console.In, screen.OutWriter, ranks, cancellation);
            return 0;
        }
        catch (Exception diverged) when (TrialProcess.IsDivergence(diverged))
        {
            screen.ErrorWriter.WriteLine(diverged.Message);
            ranks.Abort(TrialProcess.Diverged);     // the others have met no such number
            return TrialProcess.Diverged;
        }
    }

    /// <summary>How this program starts itself for a trial.</summary>
    public static ProcessStartInfo Start()
    {
        string self = Path.Combine(AppContext.BaseDirectory, "adaptformer.dll"), host = Environment.ProcessPath ?? "dotnet";
        ProcessStartInfo start = new(host);
        if (Path.GetFileNameWithoutExtension(host) == "dotnet") start.ArgumentList.Add(self);
        start.ArgumentList.Add(Name);
        if (DeviceChoice.OfNextTrial() is { } device) start.Environment[OneDnn.BackendVariable] = device;
        return start;
    }
}
