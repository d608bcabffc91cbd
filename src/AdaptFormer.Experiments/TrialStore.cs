using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;

namespace AdaptFormer.Experiments;

/// <summary>
/// The folder of an experiment: <c>trials/NAME</c>, one ordinary run directory a training; <c>test/NAME.json</c>, the answers to the test
/// pictures; and the result. What is finished is found again by its content, so an experiment that was killed, or asked for again with more
/// rows or seeds, trains only what is missing.
/// </summary>
public sealed class TrialStore : IDisposable
{
    private const string TrialsName = "trials", TestName = "test", PrecisionName = "precision.txt";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);       // a killed experiment's trial ends after its batch
    private static readonly string[] Results = ["comparison.json", "sweep.json", "report.html"];
    private readonly FileStream _lock;

    private TrialStore(string folder, FileStream @lock) => (Folder, _lock) = (folder, @lock);

    /// <summary>What precision <c>auto</c> is for every trial here: what the machine on which the experiment began chose.</summary>
    public Precision AutoPrecision { get; private set; }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Makes the folder of an experiment, or goes on with one.</summary>
    /// <param name="folder">The folder; made with its parents if it is not there.</param>
    /// <param name="overwrite">Whether to delete the trials that are there, and only what an experiment writes.</param>
    /// <exception cref="IOException">It is a file, holds something else, cannot be written, or another experiment runs in it.</exception>
    public static TrialStore Open(string folder, bool overwrite = false)
    {
        if (File.Exists(folder)) throw new IOException($"{folder} is a file; give the output as a folder.");
        bool isEmpty = !Directory.Exists(folder)
            || Directory.EnumerateFileSystemEntries(folder).All(entry => RunFolder.IsRemains(Path.GetFileName(entry)));
        if (!isEmpty && !Directory.Exists(Path.Combine(folder, TrialsName)))
            throw new IOException($"{folder} is not empty and holds no experiment; give the output as a new folder.");
        Disk.CreateFolder(folder);
        TrialStore store = new(folder, FolderLock.Take(folder));
        try
        {
            AtomicFile.RemoveAbandoned(folder);
            if (overwrite) store.Clear();
            Disk.CreateFolder(Path.Combine(folder, TrialsName));
            Disk.CreateFolder(Path.Combine(folder, TestName));
            store.KeepPrecision();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>A trial's run directory, relative to the folder.</summary>
    public static string PathOf(Trial trial) => $"{TrialsName}/{trial.Name}";

    /// <summary>The file of a trial's answers, relative to the folder.</summary>
    public static string AnswersOf(Trial trial) => $"{TestName}/{trial.Name}.json";

    /// <summary>The full path of something in the folder.</summary>
    public string In(string relative) => Path.Combine(Folder, relative);

    /// <summary>What came of a trial that is finished; null if it is not.</summary>
    /// <exception cref="InvalidDataException">Its files are damaged.</exception>
    public TrialResult? Find(Trial trial)
    {
        string path = In(PathOf(trial));
        if (!Directory.Exists(path) || !File.Exists(Path.Combine(path, "summary.json"))) return null;
        using RunDirectory run = RunDirectory.Open(path);
        return run.ReadSummary() is { } summary && File.Exists(run.AdapterPath)
            ? new TrialResult(PathOf(trial), trial.Recipe.Seed, null, summary, run.ReadLog())
            : null;
    }

    /// <summary>The folder of a trial that is about to begin, once no process writes into it any more.</summary>
    /// <exception cref="IOException">One still does.</exception>
    public string Prepare(Trial trial)
    {
        string path = In(PathOf(trial));
        if (Directory.Exists(path)) FolderLock.Take(path, Patience).Dispose();
        return path;
    }

    /// <summary>A trial's answers to the test pictures; null if it was not asked.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public TestAnswers? FindAnswers(Trial trial) => File.Exists(In(AnswersOf(trial))) ? TestAnswers.Read(In(AnswersOf(trial))) : null;

    /// <summary>Keeps a trial's answers.</summary>
    public void Keep(Trial trial, TestAnswers answers) => AtomicFile.WriteAllText(In(AnswersOf(trial)), answers.ToJson());

    /// <summary>Writes the result.</summary>
    public void Keep(ExperimentResult result) => AtomicFile.WriteAllText(In($"{result.Kind}.json"), result.ToJson());

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private void KeepPrecision()
    {
        string path = In(PrecisionName);
        Precision recorded = File.Exists(path) ? PrecisionChoice.Named(File.ReadAllText(path)) : Precision.Auto;
        AutoPrecision = Precision.Auto.Following(recorded);
        AtomicFile.WriteAllText(path, PrecisionChoice.NameOf(AutoPrecision.Compute()) + "\n");
    }

    private void Clear()
    {
        // The trials go last: a folder in which deleting was cut short is still known as an experiment.
        foreach (string name in Results.Append(PrecisionName).Where(name => File.Exists(In(name)))) Disk.Delete(In(name));
        foreach (string name in (string[])[TestName, TrialsName]) Disk.DeleteFolder(In(name));
    }
}
