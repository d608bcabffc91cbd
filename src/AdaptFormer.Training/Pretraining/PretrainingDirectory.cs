using System.Globalization;
using System.Text;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Files;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Training.Pretraining;

/// <summary>
/// The folder of a pre-training: <c>recipe.json</c>, <c>log.jsonl</c>, <c>weights.safetensors</c> (a checkpoint under MAE's names, ready to be a recipe's <c>model.weights</c>) and
/// <c>state.safetensors</c> (what a resumed run needs). Every file is whole or absent whenever the process dies.
/// </summary>
public sealed class PretrainingDirectory : IDisposable
{
    private const string RecipeName = "recipe.json", LogName = "log.jsonl", WeightsName = "weights.safetensors", StateName = "state.safetensors", LockName = ".lock";
    private const string ModelPrefix = "model/", EpochKey = "epoch", StepsKey = "steps";
    private readonly string _path;
    private readonly FileStream _lock;

    private PretrainingDirectory(string path)
    {
        _path = path;
        try
        {
            _lock = new FileStream(In(LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error)
        {
            throw new IOException($"{path} cannot be written; is another process training into it? {error.Message}", error);
        }
    }

    /// <summary>The checkpoint.</summary>
    public string WeightsPath => In(WeightsName);

    private string StatePath => In(StateName);

    /// <summary>Makes the folder, or takes over one.</summary>
    /// <exception cref="IOException">It holds something that may not be touched, is a file, or cannot be written.</exception>
    /// <exception cref="ArgumentException">The run to resume has another recipe.</exception>
    public static PretrainingDirectory Create(string path, PretrainRecipe recipe, ExistingRun existing)
    {
        if (File.Exists(path)) throw new IOException($"{path} is a file; give the output as a folder.");
        bool isRun = File.Exists(Path.Combine(path, RecipeName));
        bool isEmpty = !Directory.Exists(path) || Directory.EnumerateFileSystemEntries(path).All(entry => Path.GetFileName(entry) == LockName);
        if (!isEmpty && !isRun) throw new IOException($"{path} is not empty and holds no run; give the output as a new folder.");
        if (isRun && existing == ExistingRun.Refuse) throw new IOException($"{path} holds a run already; go on with it with --resume, replace it with --overwrite, or give another output folder.");
        string json = recipe.ToJson();
        if (isRun && existing == ExistingRun.Resume && File.ReadAllText(Path.Combine(path, RecipeName)) != json)
            throw new ArgumentException($"{path} was started with another recipe and cannot be resumed with this one; give the same recipe, or another output folder.");

        Directory.CreateDirectory(path);
        PretrainingDirectory run = new(path);
        try
        {
            if (existing == ExistingRun.Overwrite)
                foreach (string name in (string[])[LogName, StateName, WeightsName]) File.Delete(run.In(name));
            AtomicFile.WriteAllText(run.In(RecipeName), json);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Writes checkpoint and state after an epoch.</summary>
    internal void Save(MaskedAutoencoder model, Pretrainer trainer, int epoch, Preprocessing pictures)
    {
        SafetensorsWriter writer = new();
        writer.Metadata[EpochKey] = epoch.ToString(CultureInfo.InvariantCulture);
        writer.Metadata[StepsKey] = trainer.Steps.ToString(CultureInfo.InvariantCulture);
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(model).Weights) writer.Add(ModelPrefix + name, weight);
        foreach ((string name, Memory<float> values) in trainer.Optimizer.State) writer.Add(name, new Shape(values.Length), (ReadOnlyMemory<float>)values);
        writer.Save(StatePath);
        CheckpointConverter.Save(WeightsPath, MaeNames.Export(model), pictures);
    }

    /// <summary>Takes over what an interrupted run had saved.</summary>
    /// <returns>The epochs done; 0 if nothing was saved.</returns>
    /// <exception cref="InvalidDataException">The state is damaged or does not fit.</exception>
    internal int Restore(MaskedAutoencoder model, Pretrainer trainer)
    {
        if (!File.Exists(StatePath)) return 0;
        using WeightsFile file = WeightsFile.Open(StatePath);
        if (!int.TryParse(file.Metadata.GetValueOrDefault(EpochKey), out int epoch) || !long.TryParse(file.Metadata.GetValueOrDefault(StepsKey), out long steps))
            throw new InvalidDataException($"{StatePath} does not say which epoch it is of.");
        StateDict weights = new();
        Dictionary<string, ReadOnlyMemory<float>> state = [];
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(file).Weights)
        {
            if (name.StartsWith(ModelPrefix, StringComparison.Ordinal)) weights.Add(name[ModelPrefix.Length..], new StateDict.Weight(weight.Shape, weight.Read));      // copied: the file closes
            else state.Add(name, weight.ToArray());
        }

        WeightLoader.Load(model, weights, StatePath);
        trainer.Optimizer.Restore(steps, state);
        return epoch;
    }

    /// <summary>Drops the log's epochs after <paramref name="epoch"/>; a line that a crash tore goes too.</summary>
    internal void RewindLog(int epoch)
    {
        string path = In(LogName);
        if (File.Exists(path)) AtomicFile.WriteAllText(path, string.Concat(File.ReadLines(path).Take(epoch).Select(line => line + "\n")));
    }

    /// <summary>Appends an epoch to the log and flushes it to the disk.</summary>
    internal void Log(PretrainEpochRecord record)
    {
        using FileStream log = new(In(LogName), FileMode.Append, FileAccess.Write, FileShare.Read);
        log.Write(Encoding.UTF8.GetBytes(record.ToJsonLine() + "\n"));
        log.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private string In(string name) => Path.Combine(_path, name);
}
