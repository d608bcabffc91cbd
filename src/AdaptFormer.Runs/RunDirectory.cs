using System.Text.Json;
using System.Text.Json.Nodes;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Runs;

/// <summary>What to do with a directory that already holds a run.</summary>
public enum ExistingRun
{
    /// <summary>Leave it alone and fail.</summary>
    Refuse,

    /// <summary>Delete its files, and only those a run writes, and start anew.</summary>
    Overwrite,

    /// <summary>Go on with it, if its recipe is the same.</summary>
    Resume,
}

/// <summary>
/// The folder of one run: <c>recipe.json</c> (resolved), <c>environment.json</c>, <c>log.jsonl</c>, <c>summary.json</c>,
/// <c>adapter.safetensors</c>, <c>checkpoints/</c> and <c>tensorboard/</c>. Every file is either whole or absent, whenever the process
/// dies; the log loses at most a line it was writing. See <see cref="RunFolder"/> for what becomes of a folder that is there already.
/// </summary>
public sealed partial class RunDirectory : IDisposable
{
    private const string EnvironmentName = "environment.json", LogName = "log.jsonl", SummaryName = "summary.json",
        AdapterName = "adapter.safetensors", CheckpointsName = "checkpoints", ReportName = "report.html", TensorBoardName = "tensorboard",
        LastName = "last.safetensors";

    private const int MaxRecordBytes = 1 << 20;

    private static readonly RunContent Content = new(
        [CheckpointsName, TensorBoardName, ReportName, AdapterName, SummaryName, LogName, EnvironmentName],
        [CheckpointsName, AdapterName, SummaryName, LogName]);

    // A run may go on for longer than it was meant to; everything else would make it another run.
    private static readonly string[] MayChange = ["epochs", "early_stopping", "save", "cluster", "recompute"];

    private readonly RunFolder? _folder;
    private EpochLog? _log;

    private RunDirectory(string path, RunFolder? folder = null) => (Path, _folder) = (path, folder);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The epochs that a run which goes on was to have before; null for a new one.</summary>
    public int? PlannedEpochs { get; private init; }

    /// <summary>The resolved recipe.</summary>
    public string RecipePath => In(RunFolder.RecipeName);

    /// <summary>What was learned; written when training ends, and each time the best epoch so far ends.</summary>
    public string AdapterPath => In(AdapterName);

    /// <summary>Where the run ran.</summary>
    public string EnvironmentPath => In(EnvironmentName);

    /// <summary>The page that shows the run; there once it has ended well.</summary>
    public string ReportPath => In(ReportName);

    /// <summary>The folder of what TensorBoard reads.</summary>
    public string TensorBoardPath => In(TensorBoardName);

    /// <summary>The folder of what a resumed run needs.</summary>
    public string CheckpointsPath => In(CheckpointsName);

    /// <summary>What the last whole epoch left for a resumed run.</summary>
    public string CheckpointPath => System.IO.Path.Combine(CheckpointsPath, LastName);

    /// <summary>The epochs done so far.</summary>
    public string LogPath => In(LogName);

    /// <summary>The outcome; there once the run has ended well.</summary>
    public string SummaryPath => In(SummaryName);

    /// <summary>Makes the folder of a run, or takes over one.</summary>
    /// <param name="path">The folder; made with its parents if it is not there.</param>
    /// <param name="recipe">The resolved recipe, which is written.</param>
    /// <param name="environment">Where the run runs, which is written.</param>
    /// <param name="existing">What to do with a run that is already there.</param>
    /// <exception cref="IOException">The folder is not empty and not a run, holds a run that may not be touched, is a file, or cannot be
    /// written.</exception>
    /// <exception cref="ArgumentException">The run to resume has another recipe; every key that differs is named.</exception>
    public static RunDirectory Create(string path, Recipe recipe, RunEnvironment environment, ExistingRun existing = ExistingRun.Refuse)
    {
        int? planned = null;
        RunFolder folder = RunFolder.Take(path, Content, recipe.ToJson(), existing, () => planned = RequireSameRecipe(path, recipe));
        return Begin(new RunDirectory(path, folder) { PlannedEpochs = planned }, environment);
    }

    private static RunDirectory Begin(RunDirectory run, RunEnvironment environment)
    {
        try
        {
            Disk.CreateFolder(run.CheckpointsPath);
            run._log = new EpochLog(run.LogPath);
            AtomicFile.WriteAllText(run.EnvironmentPath, environment.ToJson());
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>What the run in a folder computes in; <c>auto</c> if there is none, or none that recorded it.</summary>
    /// <exception cref="RecipeException">Its recipe was changed so that it is no longer valid.</exception>
    public static Precision PrecisionOf(string path) =>
        RunFolder.IsRun(path) ? Recipe.Load(System.IO.Path.Combine(path, RunFolder.RecipeName)).Precision : Precision.Auto;

    /// <summary>Whether a new run may take a folder: it is not there, is empty, or holds a run that has learned nothing.</summary>
    /// <param name="path">The folder.</param>
    public static bool IsFree(string path)
    {
        try
        {
            if (File.Exists(path)) return false;
            RunFolder.RequireUsable(path, Content, ExistingRun.Refuse);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Opens the folder of a run to read it.</summary>
    /// <exception cref="FileNotFoundException">It holds no run.</exception>
    public static RunDirectory Open(string path) => RunFolder.IsRun(path)
        ? new RunDirectory(path)
        : throw new FileNotFoundException(
            Directory.Exists(path)
                ? $"{path} holds no run: there is no {RunFolder.RecipeName} in it."
                : $"There is no folder '{path}'; expected the output of a training.",
            System.IO.Path.Combine(path, RunFolder.RecipeName));

    /// <summary>Reads the resolved recipe.</summary>
    /// <exception cref="RecipeException">It was changed so that it is no longer valid.</exception>
    public Recipe ReadRecipe()
    {
        Recipe recipe = Recipe.Load(RecipePath);
        return recipe with { Data = RunFolder.DataOf(recipe.Data, RecipePath) };
    }

    /// <summary>The epochs done so far, in order.</summary>
    public IReadOnlyList<EpochRecord> ReadLog() => File.Exists(LogPath) ? EpochLog.Read(LogPath) : [];

    /// <summary>The outcome, or null if the run has not ended.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public TrainingSummary? ReadSummary()
    {
        if (!File.Exists(SummaryPath)) return null;
        try
        {
            return (TrainingSummary)RunRecord.FromJsonLine(JsonText.Read(SummaryPath, MaxRecordBytes, "the summary of a run"));
        }
        catch (Exception error) when (error is JsonException or InvalidCastException)
        {
            throw new InvalidDataException($"{SummaryPath} is not the summary of a run: {JsonText.Explain(error)}.", error);
        }
    }

    /// <summary>Where the run ran.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public JsonObject ReadEnvironment()
    {
        string text = JsonText.Read(EnvironmentPath, MaxRecordBytes, "the record of a machine");
        try
        {
            JsonText.RequireWhole(text);
            return JsonNode.Parse(text) as JsonObject ?? throw new JsonException("it is no object");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{EnvironmentPath} does not say where the run ran: {JsonText.Explain(error)}.", error);
        }
    }

    /// <summary>Appends the figures of an epoch to the log.</summary>
    /// <exception cref="InvalidOperationException">The run was opened to be read.</exception>
    public void Log(EpochRecord record) => Writable().Append(record);

    /// <summary>Drops the log's epochs after <paramref name="epoch"/>, because the run goes on from there.</summary>
    /// <exception cref="InvalidOperationException">The run was opened to be read.</exception>
    public void RewindLog(int epoch)
    {
        Writable().Dispose();
        EpochLog.KeepUntil(LogPath, epoch);
        _log = new EpochLog(LogPath);
    }

    /// <summary>Takes the outcome and the page away, because the run goes on.</summary>
    /// <exception cref="InvalidOperationException">The run was opened to be read.</exception>
    public void Reopen()
    {
        Writable();
        Disk.Delete(SummaryPath);
        Disk.Delete(ReportPath);
    }

    /// <summary>Writes the outcome.</summary>
    /// <exception cref="InvalidOperationException">The run was opened to be read.</exception>
    public void Finish(TrainingSummary summary)
    {
        Writable();
        AtomicFile.WriteAllText(SummaryPath, summary.ToJsonLine() + "\n");
        KeepCheckpoints(0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log?.Dispose();
        _folder?.Dispose();
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);

    private EpochLog Writable() => _log ?? throw new InvalidOperationException($"RunDirectory: {Path} was opened to be read.");

    /// <returns>The epochs that the run was to have.</returns>
    private static int RequireSameRecipe(string path, Recipe recipe)
    {
        RunDirectory run = Open(path);
        Recipe there = run.ReadRecipe();
        if (there.Precision == Precision.Auto) there = there with { Precision = recipe.Precision };     // older versions left 'auto'
        IReadOnlyList<string> differences = RecipeDifference.Between(there.ToJson(), recipe.ToJson(), MayChange);
        if (differences.Count > 0) throw RecipeDifference.Error(path, differences);
        int done = run.ReadLog().Count;
        if (recipe.Epochs < done)
        {
            throw new ArgumentException(
                $"{path} has done {done} epochs and is to end after {recipe.Epochs}; give at least {done}.");
        }
        return there.Epochs;
    }
}
