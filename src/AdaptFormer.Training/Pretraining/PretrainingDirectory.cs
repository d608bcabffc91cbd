using System.Globalization;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Files;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Training.Pretraining;

/// <summary>
/// The folder of a pre-training: <c>recipe.json</c>, <c>log.jsonl</c>, <c>state.safetensors</c> (what a resumed run needs) and
/// <c>weights.safetensors</c> (a
/// checkpoint under MAE's names, ready to be a recipe's <c>model.weights</c>). Every file is whole or absent whenever the process dies. The
/// state decides
/// where the run stands: the log has its epoch before it is written, and the weights, which are a part of it, are made from it again when
/// the run goes on.
/// </summary>
public sealed class PretrainingDirectory : IDisposable
{
    private const string LogName = "log.jsonl", WeightsName = "weights.safetensors", StateName = "state.safetensors";
    private const string ModelPrefix = "model/", EpochKey = "epoch", StepsKey = "steps";
    private static readonly RunContent Content = new([LogName, StateName, WeightsName], [LogName, StateName, WeightsName]);
    private readonly string _path;
    private readonly RunFolder _folder;
    private EpochLog<PretrainEpochRecord> _log;

    private PretrainingDirectory(string path, RunFolder folder)
    {
        (_path, _folder) = (path, folder);
        try
        {
            _log = new EpochLog<PretrainEpochRecord>(In(LogName));
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The checkpoint.</summary>
    public string WeightsPath => In(WeightsName);

    private string StatePath => In(StateName);

    /// <summary>Makes the folder, or takes over one.</summary>
    /// <exception cref="IOException">It holds something that may not be touched, is a file, or cannot be written.</exception>
    /// <exception cref="ArgumentException">The run to resume has another recipe; every key that differs is named.</exception>
    public static PretrainingDirectory Create(string path, PretrainRecipe recipe, ExistingRun existing)
    {
        string json = recipe.ToJson();
        return new PretrainingDirectory(path, RunFolder.Take(path, Content, json, existing, () =>
        {
            PretrainRecipe there = PretrainRecipe.Load(Path.Combine(path, RunFolder.RecipeName));
            if (there.Precision == Precision.Auto) there = there with { Precision = recipe.Precision };     // older versions left 'auto'
            IReadOnlyList<string> differences = RecipeDifference.Between(there.ToJson(), json);
            if (differences.Count > 0) throw RecipeDifference.Error(path, differences);
        }));
    }

    /// <summary>The epochs done so far, in order.</summary>
    /// <exception cref="InvalidDataException">The log is damaged.</exception>
    public IReadOnlyList<PretrainEpochRecord> ReadLog() => EpochLog<PretrainEpochRecord>.Read(In(LogName));

    /// <summary>What the pre-training in a folder computes in; <c>auto</c> if there is none, or none that recorded it.</summary>
    /// <exception cref="RecipeException">Its recipe was changed so that it is no longer valid.</exception>
    internal static Precision PrecisionOf(string path) =>
        RunFolder.IsRun(path) ? PretrainRecipe.Load(Path.Combine(path, RunFolder.RecipeName)).Precision : Precision.Auto;

    /// <summary>Writes state and checkpoint after an epoch, whose line the log has by then.</summary>
    internal void Save(MaskedAutoencoder model, Pretrainer trainer, int epoch, Preprocessing pictures)
    {
        SafetensorsWriter writer = new();
        writer.Metadata[EpochKey] = epoch.ToString(CultureInfo.InvariantCulture);
        writer.Metadata[StepsKey] = trainer.Steps.ToString(CultureInfo.InvariantCulture);
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(model).Weights) writer.Add(ModelPrefix + name, weight);
        foreach ((string name, float[] values) in trainer.Optimizer.State) writer.Add(name, new Shape(values.Length), values);
        writer.Save(StatePath);
        SaveWeights(model, pictures);
    }

    /// <summary>Takes over what an interrupted run had saved, drops later epochs from the log, and makes the checkpoint of that
    /// epoch.</summary>
    /// <returns>The epochs done; 0 if nothing was saved.</returns>
    /// <exception cref="InvalidDataException">The state is damaged or does not fit.</exception>
    internal int Restore(MaskedAutoencoder model, Pretrainer trainer, Preprocessing pictures)
    {
        int epoch = File.Exists(StatePath) ? ReadState(model, trainer) : 0;
        if (epoch > 0) SaveWeights(model, pictures);
        _log.Dispose();
        EpochLog<PretrainEpochRecord>.KeepUntil(In(LogName), epoch);
        _log = new EpochLog<PretrainEpochRecord>(In(LogName));
        return epoch;
    }

    /// <summary>Appends an epoch to the log and brings it to the disk.</summary>
    internal void Log(PretrainEpochRecord record) => _log.Append(record);

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    private void SaveWeights(MaskedAutoencoder model, Preprocessing pictures) =>
        CheckpointConverter.Save(WeightsPath, MaeNames.Export(model), new WeightsCard(pictures));

    private int ReadState(MaskedAutoencoder model, Pretrainer trainer)
    {
        using WeightsFile file = WeightsFile.Open(StatePath);
        if (!int.TryParse(file.Metadata.GetValueOrDefault(EpochKey), NumberStyles.None, CultureInfo.InvariantCulture, out int epoch)
            || !long.TryParse(file.Metadata.GetValueOrDefault(StepsKey), NumberStyles.None, CultureInfo.InvariantCulture, out long steps))
            throw new InvalidDataException($"{StatePath} does not say which epoch it is of.");
        StateDict weights = new();
        Dictionary<string, ReadOnlyMemory<float>> state = [];
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(file).Weights)
        {
            if (!name.StartsWith(ModelPrefix, StringComparison.Ordinal)) state.Add(name, weight.ToArray());
            else weights.Add(name[ModelPrefix.Length..], new StateDict.Weight(weight.Shape, weight.Read));   // not mapped: the file closes
        }

        WeightLoader.Load(model, weights, StatePath);
        trainer.Optimizer.Restore(steps, state);
        return epoch;
    }

    private string In(string name) => Path.Combine(_path, name);
}
