using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Files;
using AdaptFormer.Models;

namespace AdaptFormer.Peft;

/// <summary>The texts beside an adapter's tensors: written and read here alone.</summary>
internal static class AdapterHeader
{
    public const string Format = "adaptformer-adapter";
    public const int Version = 1;

    /// <summary>Of files whose numbers are packed into few bits: programs that know only the first version refuse them.</summary>
    public const int PackedVersion = 2;

    private const string TaskKey = "task", MultiLabelTask = "multi_label", SingleLabelTask = "single_label";
    private const int MaxLabels = 1 << 20;

    /// <summary>Writes the texts of <paramref name="info"/>.</summary>
    public static void Write(IDictionary<string, string> metadata, AdapterInfo info)
    {
        metadata["format"] = Format;
        metadata["format_version"] = VersionOf(info.Bits);
        metadata["tuning"] = JsonSerializer.Serialize(info.Tuning, JsonKinds.Info<Tuning>(AdapterJson.Default));
        metadata["backbone"] = JsonSerializer.Serialize(info.Backbone, AdapterJson.Default.BackboneIdentity);
        metadata["preprocessing"] = info.Preprocessing.ToJson();
        metadata["labels"] = JsonSerializer.Serialize([.. info.Labels], AdapterJson.Default.StringArray);
        metadata["metrics"] =
            JsonSerializer.Serialize(new Dictionary<string, double>(info.Metrics), AdapterJson.Default.DictionaryStringDouble);
        // none means one class a picture, as in files that are older than the key
        if (info.MultiLabel) metadata[TaskKey] = MultiLabelTask;
        metadata["self_test"] = JsonSerializer.Serialize(info.SelfTest, AdapterJson.Default.SelfTest);
    }

    private static string VersionOf(int bits) =>
        (bits == AdapterTensors.Plain ? Version : PackedVersion).ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether a file says that it is an adapter.</summary>
    public static bool IsAdapter(WeightsFile file) => file.Metadata.TryGetValue("format", out string? format) && format == Format;

    /// <summary>Reads and checks the texts.</summary>
    /// <exception cref="InvalidDataException">The file is no adapter, of another version, or its texts are damaged.</exception>
    public static AdapterInfo Read(WeightsFile file)
    {
        if (!IsAdapter(file))
            throw BadFile.Error(file.Path,
                "it is no adapter of this program (a backbone, perhaps; official AdaptFormer checkpoints go through convert)");
        string version = Text("format_version");
        if (version != VersionOf(AdapterTensors.Plain) && version != VersionOf(bits: 1))
            throw BadFile.Error(file.Path, $"its adapter format is version {BadFile.Shorten(version)}, this program reads version "
                + $"{Version} and {PackedVersion}; use the program that wrote it or a newer one");
        AdapterTensors tensors = AdapterTensors.Of(file);
        if (version != VersionOf(tensors.Bits))
            throw BadFile.Error(file.Path, "format_version", $"version {version} does not fit {tensors.Bits} bits a number");

        Tuning tuning = Json("tuning", JsonKinds.Info<Tuning>(AdapterJson.Default));
        BackboneIdentity backbone = Json("backbone", AdapterJson.Default.BackboneIdentity);
        string[] labels = Json("labels", AdapterJson.Default.StringArray);
        SelfTest test = Json("self_test", AdapterJson.Default.SelfTest);
        Preprocessing preprocessing = Preprocessing.FromJson(Text("preprocessing"), file.Path);
        if (labels.Length is 0 or > MaxLabels || labels.Contains(null))
            throw BadFile.Error(file.Path, "labels", $"{labels.Length} labels, or one without a name");
        if (backbone is { Id: null } or { Digest: null } or { Config: null })
            throw BadFile.Error(file.Path, "backbone", "a part is missing");
        CheckConfig(backbone.Config);
        if (tuning.Width is { } width && !tensors.Shapes.Values.Any(shape => shape.Dims.Contains(width)))
            throw BadFile.Error(file.Path, "tuning", $"the method is {width} wide, and no tensor of the file is");
        if (test.Logits is null || test.Backend is null || test.Logits.Length != labels.Length)
            throw BadFile.Error(file.Path, "self_test", $"{test.Logits?.Length ?? 0} logits for {labels.Length} labels");
        string task = file.Metadata.TryGetValue(TaskKey, out string? kind) ? kind : SingleLabelTask;
        if (task is not (MultiLabelTask or SingleLabelTask))
            throw BadFile.Error(file.Path, TaskKey, $"'{BadFile.Shorten(task)}' is not known; known: {SingleLabelTask}, {MultiLabelTask}");
        long parameters = tensors.Shapes.Where(entry => !entry.Key.StartsWith("head.0.", StringComparison.Ordinal))
            .Sum(entry => entry.Value.Length);
        return new AdapterInfo(file.Path, tuning, backbone, preprocessing, labels,
            Json("metrics", AdapterJson.Default.DictionaryStringDouble), test,
            parameters, new FileInfo(file.Path).Length)
        { MultiLabel = task == MultiLabelTask, Bits = tensors.Bits };

        string Text(string key) => file.Metadata.TryGetValue(key, out string? text)
            ? text : throw BadFile.Error(file.Path, key, "the adapter does not have it; the file is incomplete");

        void CheckConfig(string config)
        {
            try
            {
                _ = BackboneConfig.FromJson(config, file.Path);
            }
            catch (Exception e) when (e is ArgumentException or OverflowException)
            {
                throw BadFile.Error(file.Path, "backbone", e.Message.TrimEnd('.'));
            }
        }

        T Json<T>(string key, JsonTypeInfo<T> type)
        {
            try
            {
                return JsonSerializer.Deserialize(Text(key), type) ?? throw BadFile.Error(file.Path, key, "it is null");
            }
            catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
            {
                throw new InvalidDataException($"{file.Path}: '{key}' cannot be read: {JsonText.Explain(e)}.", e);
            }
        }
    }
}
