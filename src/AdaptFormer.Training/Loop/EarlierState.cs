using System.Globalization;
using System.Text.Json;
using AdaptFormer.Files;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Training.Loop;

/// <summary>What pre-trainings of earlier versions left for a resumed run, <c>state.safetensors</c>: made a checkpoint of the
/// trainer.</summary>
public static class EarlierState
{
    /// <summary>Name of the file in a run's folder.</summary>
    public const string FileName = "state.safetensors";

    private const string EpochKey = "epoch", StepsKey = "steps";

    /// <summary>Writes the checkpoint that such a file stands for.</summary>
    /// <param name="state">The file.</param>
    /// <param name="checkpoint">Where the checkpoint goes.</param>
    /// <param name="task">What is trained; fixed tables, which the file holds too, are left out.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static void Convert(string state, string checkpoint, TrainingTask task)
    {
        using WeightsFile file = WeightsFile.Open(state);
        if (!int.TryParse(file.Metadata.GetValueOrDefault(EpochKey), NumberStyles.None, CultureInfo.InvariantCulture, out int epoch)
            || !long.TryParse(file.Metadata.GetValueOrDefault(StepsKey), NumberStyles.None, CultureInfo.InvariantCulture, out long steps))
            throw new InvalidDataException($"{state} does not say which epoch it is of.");
        HashSet<string> trained = [.. task.Model.TrainableParameters().Concat(task.Model.Buffers()).Select(entry => entry.Key)];
        SafetensorsWriter writer = new();
        CheckpointHeader header = new(epoch, steps, steps, AverageSteps: 0, BestEpoch: 0, BestScores: null);
        writer.Metadata["format"] = Trainer.CheckpointFormat;
        writer.Metadata["state"] = JsonSerializer.Serialize(header, CheckpointJson.Default.CheckpointHeader);
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            bool ofModel = name.StartsWith(Trainer.ModelPart, StringComparison.Ordinal);
            if (ofModel && !trained.Contains(name[Trainer.ModelPart.Length..])) continue;
            float[] values = new float[entry.ElementCount];
            file.ReadFloat32(entry, values);
            writer.Add(ofModel ? name : Trainer.OptimizerPart + name, entry.Shape, values);
        }

        writer.Save(checkpoint);
    }
}
