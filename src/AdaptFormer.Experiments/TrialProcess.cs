using System.Diagnostics;
using AdaptFormer.Distributed;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
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

    /// <summary>Stands for the number of threads where the process decides: on a machine that the experiment does not know.</summary>
    public const string OwnThreads = "own";

    /// <summary>Whether an error is the training's own outcome: its loss, or what it learned, is not finite.</summary>
    public static bool IsDivergence(Exception error) => error is NonFiniteLossException or NotFiniteNumberException;

    private static readonly TimeSpan BetweenProgress = TimeSpan.FromMilliseconds(500);

    /// <summary>Trains.</summary>
    /// <param name="folder">The run directory; an unfinished run in it is begun anew.</param>
    /// <param name="input">Standard input; read at rank 0 alone.</param>
    /// <param name="output">Standard output; written at rank 0 alone.</param>
    /// <param name="ranks">The processes that carry out the trial together.</param>
    /// <param name="cancellation">Stops as well.</param>
    /// <exception cref="RecipeException">The line is no recipe.</exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped.</exception>
    public static void Serve(string folder, TextReader input, TextWriter output, Collective ranks, CancellationToken cancellation)
    {
        Recipe recipe = Recipe.Parse(ranks.Broadcast(ranks.IsFirst ? input.ReadLine() ?? "" : ""), "The trial's recipe");
        using CancellationTokenSource orphaned = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Nothing is ever read: the call returns when the process at the other end closes it or dies. It may outlast the training.
        if (ranks.IsFirst) new Thread(() => Watch(input, orphaned)) { IsBackground = true, Name = "parent" }.Start();

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
        }, ranks, orphaned.Token);
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
