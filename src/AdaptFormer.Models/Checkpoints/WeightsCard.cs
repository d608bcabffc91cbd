using System.Text.Json;
using AdaptFormer.Files;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>What a weights file says about its model beside the tensors: kept as texts in the files that this program writes.</summary>
/// <param name="Preprocessing">What pictures must look like; null where the file does not say.</param>
/// <param name="Labels">Names of the classes of its classifier; null where the file does not say.</param>
/// <param name="MultiLabel">Whether a picture may have several of the classes.</param>
/// <param name="Config">Its sizes, of which shapes do not tell all; null where the file does not say.</param>
public sealed record WeightsCard(
    Preprocessing? Preprocessing = null, IReadOnlyList<string>? Labels = null, bool MultiLabel = false, BackboneConfig? Config = null)
{
    private const string PreprocessingKey = "preprocessing", LabelsKey = "labels", TaskKey = "task", ConfigKey = "model_config",
        MultiLabelTask = "multi_label";
    private const int MaxLabels = 1 << 20;

    /// <summary>What an open file says.</summary>
    /// <exception cref="InvalidDataException">It says it in words that cannot be read.</exception>
    public static WeightsCard Of(WeightsFile file)
    {
        Preprocessing? preprocessing = file.Metadata.TryGetValue(PreprocessingKey, out string? json)
            ? Preprocessing.FromJson(json, file.Path) : null;
        bool several = file.Metadata.TryGetValue(TaskKey, out string? task) && task == MultiLabelTask;
        IReadOnlyList<string>? names = file.Metadata.TryGetValue(LabelsKey, out string? labels) ? Read(labels, file.Path) : null;
        return new WeightsCard(preprocessing, names, several, file.Metadata.TryGetValue(ConfigKey, out string? config)
            ? ReadConfig(config, file.Path) : null);
    }

    /// <summary>Writes it into the texts of a file.</summary>
    public void AddTo(IDictionary<string, string> metadata)
    {
        if (Preprocessing is not null) metadata[PreprocessingKey] = Preprocessing.ToJson();
        if (Labels is not null) metadata[LabelsKey] = JsonSerializer.Serialize([.. Labels], ModelsJson.Default.StringArray);
        if (Config is not null) metadata[ConfigKey] = Config.Written.ToJson();
        if (MultiLabel) metadata[TaskKey] = MultiLabelTask;
    }

    private static BackboneConfig ReadConfig(string json, string path)
    {
        try
        {
            return BackboneConfig.FromJson(json, $"{path}: '{ConfigKey}'");
        }
        catch (ArgumentException e)
        {
            throw BadFile.Error(path, ConfigKey, e.Message.TrimEnd('.'));
        }
    }

    private static string[] Read(string json, string path)
    {
        try
        {
            string[]? labels = JsonSerializer.Deserialize(json, ModelsJson.Default.StringArray);
            return labels is { Length: > 0 and <= MaxLabels } && !labels.Contains(null)
                ? labels : throw BadFile.Error(path, LabelsKey, "it is no list of names");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw BadFile.Error(path, LabelsKey, $"it cannot be read: {JsonText.Explain(e)}");
        }
    }
}
