using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Training.Loop;

public sealed partial class Trainer
{
    internal const string CheckpointFormat = "adaptformer-checkpoint", ModelPart = "model/", OptimizerPart = "optimizer/";
    private const string AveragePart = "average/", BestPart = "best/";

    /// <summary>Epochs done, those before a checkpoint included.</summary>
    public int EpochsDone { get; private set; }

    /// <summary>
    /// Writes everything that going on needs, atomically: what trains and the running statistics, the optimizer's state, the moving
    /// average, the best epoch so far, and how far the epoch is that is in progress. What is frozen is not in it. A run that goes on from
    /// it, on any number of processes, ends bit for bit as if it had not been interrupted.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void SaveCheckpoint(string path)
    {
        SafetensorsWriter writer = new();
        CheckpointHeader header = new(EpochsDone, _step, _optimizer.Steps, _average?.Steps ?? 0, BestEpoch, BestScores)
        {
            Precision = PrecisionChoice.NameOf(_task.Backbone.Compute),
            Within = _state,
        };
        writer.Metadata["format"] = CheckpointFormat;
        writer.Metadata["state"] = JsonSerializer.Serialize(header, CheckpointJson.Default.CheckpointHeader);
        Dictionary<Parameter, string> names = [];
        foreach ((string name, Parameter parameter) in _task.Model.TrainableParameters().Concat(_task.Model.Buffers()))
        {
            names.Add(parameter, name);
            writer.Add(ModelPart + name, parameter.Shape, parameter.ToArray());
        }

        foreach ((string name, float[] values) in _optimizer.State) writer.Add(OptimizerPart + name, new Shape(values.Length), values);
        foreach ((string name, float[] values) in _average?.State ?? []) writer.Add(AveragePart + name, new Shape(values.Length), values);
        foreach ((Parameter parameter, float[] values) in _best?.Values ?? [])
            writer.Add(BestPart + names[parameter], parameter.Shape, values);
        writer.Save(path);
    }

    /// <summary>Takes over what <see cref="SaveCheckpoint"/> wrote, all or nothing; what is trainable stays what it is.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged, no checkpoint, or one of another model, method or optimizer.</exception>
    public void LoadCheckpoint(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        CheckpointHeader header = ReadHeader(file);
        if (header.Precision is { } precision && precision != PrecisionChoice.NameOf(_task.Backbone.Compute))
        {
            throw new InvalidDataException(
                $"{path} was trained in {precision} and the model computes in {PrecisionChoice.NameOf(_task.Backbone.Compute)}; go on with "
                + $"precision {precision} (--set precision={precision}).");
        }

        (string Name, Parameter Parameter)[] own =
            [.. _task.Model.TrainableParameters().Concat(_task.Model.Buffers()).Select(entry => (entry.Key, entry.Value))];
        List<string> wanted =
            [.. own.Select(entry => ModelPart + entry.Name), .. _optimizer.StateEntries.Select(entry => OptimizerPart + entry.Name)];
        if (_average is not null) wanted.AddRange(_average.StateEntries.Select(entry => AveragePart + entry.Name));
        if (header.BestEpoch > 0) wanted.AddRange(own.Select(entry => BestPart + entry.Name));
        string[] missing = [.. wanted.Except(file.Entries.Keys)], unknown = [.. file.Entries.Keys.Except(wanted)];
        if (missing.Length + unknown.Length > 0)
        {
            IEnumerable<string> misfits =
                missing.Select(name => $"missing {name}").Concat(unknown.Select(name => $"unexpected {BadFile.Shorten(name)}"));
            throw new InvalidDataException($"{path} is of another run: {string.Join("; ", misfits.Take(8))}.");
        }

        // Everything is read before anything is changed.
        float[][] model = [.. own.Select(entry => Read(ModelPart + entry.Name, entry.Parameter.Length))];
        Dictionary<string, ReadOnlyMemory<float>> state = _optimizer.StateEntries.ToDictionary(
            entry => entry.Name, entry => (ReadOnlyMemory<float>)Read(OptimizerPart + entry.Name, entry.Length));
        Dictionary<string, float[]> average =
            (_average?.StateEntries ?? []).ToDictionary(entry => entry.Name, entry => Read(AveragePart + entry.Name, entry.Length));
        Snapshot? best = header.BestEpoch == 0 ? null : Snapshot.From(
            _task.Model, header.BestEpoch, header.BestScores, (name, parameter) => Read(BestPart + name, parameter.Length));

        _optimizer.Restore(header.OptimizerSteps, state);
        for (int i = 0; i < own.Length; i++) own[i].Parameter.Assign(model[i]);
        _average?.Restore(header.AverageSteps, average);
        (EpochsDone, _step, _best, _state) = (header.Epoch, header.Step, best, header.Within);

        float[] Read(string name, long length)
        {
            WeightsEntry entry = file.Entries[name];
            if (entry.ElementCount != length)
            {
                throw new InvalidDataException(
                    $"{path} is of another run: {name} has {entry.ElementCount} values, expected {length}.");
            }

            float[] values = new float[length];
            file.ReadFloat32(entry, values);
            return values;
        }
    }

    /// <summary>Tells where a checkpoint stands.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged, or no checkpoint.</exception>
    public static ResumePoint PlaceOf(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        CheckpointHeader header = ReadHeader(file);
        return new ResumePoint(path, header.Epoch, header.Within?.Batches ?? 0);
    }

    private static CheckpointHeader ReadHeader(WeightsFile file)
    {
        if (!file.Metadata.TryGetValue("format", out string? format) || format != CheckpointFormat
            || !file.Metadata.TryGetValue("state", out string? text))
            throw new InvalidDataException($"{file.Path} is no checkpoint of a run.");
        try
        {
            CheckpointHeader header = JsonSerializer.Deserialize(text, CheckpointJson.Default.CheckpointHeader)
                ?? throw new JsonException("it is null");
            if (header.Epoch < (header.Within is null ? 1 : 0) || header.Within is { Batches: < 1 } || header.Step < 1
                || header.OptimizerSteps < 0 || header.AverageSteps < 0 || header.BestEpoch < 0)
                throw new JsonException("a number is out of range");
            return header;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{file.Path}: the state of the run cannot be read: {error.Message}", error);
        }
    }
}

/// <summary>Where a checkpoint stands.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Epoch">Whole epochs done.</param>
/// <param name="Batches">Batches done of the next one.</param>
public sealed record ResumePoint(string Path, int Epoch, int Batches);

/// <summary>Where a run stands.</summary>
/// <param name="Epoch">Whole epochs done.</param>
/// <param name="Step">Optimizer steps done by the schedule's count.</param>
/// <param name="OptimizerSteps">The same by the optimizer's.</param>
/// <param name="AverageSteps">Steps in the moving average.</param>
/// <param name="BestEpoch">The epoch that is kept; 0 if none.</param>
/// <param name="BestScores">Its scores; null without validation.</param>
internal sealed record CheckpointHeader(int Epoch, long Step, long OptimizerSteps, long AverageSteps, int BestEpoch, TaskScores? BestScores)
{
    /// <summary>What the products' inputs were; null in checkpoints of versions that did not record it.</summary>
    public string? Precision { get; init; }

    /// <summary>The epoch that is in progress; null between two.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EpochState? Within { get; init; }
}

/// <summary>How it is written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, IgnoreReadOnlyProperties = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(CheckpointHeader))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
