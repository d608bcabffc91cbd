using System.Diagnostics;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Training;

namespace AdaptFormer.Experiments;

/// <summary>The other end of <see cref="ChildProcessHost"/>: carries out the recipe that stands on the first line of standard input,
/// until that closes.</summary>
public static class TrialProcess
{
    /// <summary>Exit code of a training that diverged.</summary>
    public const int Diverged = 3;

    /// <summary>Exit code of a recipe that cannot be carried out.</summary>
    public const int WrongCall = 2;

    /// <summary>Whether an error is the training's own outcome: its loss, or what it learned, is not finite.</summary>
    public static bool IsDivergence(Exception error) => error is NonFiniteLossException or NotFiniteNumberException;

    private static readonly TimeSpan BetweenProgress = TimeSpan.FromMilliseconds(500);

    /// <summary>Trains.</summary>
    /// <param name="folder">The run directory; an unfinished run in it is begun anew.</param>
    /// <param name="threads">Threads that compute, at least 1.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="cancellation">Stops as well.</param>
    /// <exception cref="RecipeException">The line is no recipe.</exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped.</exception>
    public static void Serve(string folder, int threads, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        Recipe recipe = Recipe.Parse(input.ReadLine() ?? "", "The trial's recipe");
        CpuParallel.Threads = threads;
        using CancellationTokenSource orphaned = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Nothing is ever read: the call returns when the process at the other end closes it or dies. It may outlast the training.
        new Thread(() => Watch(input, orphaned)) { IsBackground = true, Name = "parent" }.Start();

        long last = 0;
        TrainingRun.Execute(recipe, folder, ExistingRun.Overwrite, record =>
        {
            if (record is ProgressRecord)
            {
                if (last != 0 && Stopwatch.GetElapsedTime(last) < BetweenProgress) return;
                last = Stopwatch.GetTimestamp();
            }

            output.WriteLine(record.ToJsonLine());
            output.Flush();
        }, orphaned.Token);
    }

    private static void Watch(TextReader input, CancellationTokenSource orphaned)
    {
        while (input.ReadLine() is not null)
        {
        }

        try
        {
            orphaned.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // the training is over
        }
    }
}
