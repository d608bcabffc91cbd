using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>Where a run goes when a call does not say: <c>runs/NAME</c>, then <c>runs/NAME-2</c> and on, so that nothing is written
/// over.</summary>
internal static class RunPlace
{
    private const string Runs = "runs";

    /// <summary>The folder of a new run.</summary>
    /// <param name="name">Name of the recipe or of the data.</param>
    /// <param name="seeds">Whether it will hold a run for each of several seeds.</param>
    public static string New(string name, bool seeds) =>
        Numbered(name).First(path => seeds ? !Directory.Exists(path) : RunDirectory.IsFree(path));

    /// <summary>The latest such folder that is there, or the first if none is.</summary>
    /// <param name="name">Name of the recipe or of the data.</param>
    public static string Latest(string name) => Numbered(name).TakeWhile(Directory.Exists).LastOrDefault(First(name));

    /// <summary>The first such folder.</summary>
    /// <param name="name">Name of the recipe or of the data.</param>
    public static string First(string name) => Path.Combine(Runs, name);

    /// <summary>The adapter file that a path means: the file itself, or what the run in that folder has learned.</summary>
    /// <param name="path">A file or a run directory.</param>
    /// <exception cref="FileNotFoundException">It is a folder and holds no run.</exception>
    public static string AdapterAt(string path)
    {
        if (!Directory.Exists(path)) return path;
        using RunDirectory run = RunDirectory.Open(path);
        return run.AdapterPath;
    }

    /// <summary>As <see cref="AdapterAt"/>, where a path may also be a folder of weights, as a pre-training leaves it: that stays what it
    /// is.</summary>
    public static string WeightsAt(string path) =>
        RunFolder.IsRun(path) && !PretrainRecipe.IsPretrain(Path.Combine(path, RunFolder.RecipeName)) ? AdapterAt(path) : path;

    private static IEnumerable<string> Numbered(string name)
    {
        yield return First(name);
        for (int number = 2; ; number++) yield return First($"{name}-{number}");
    }
}
