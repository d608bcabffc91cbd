using System.Text.Json;
using AdaptFormer.Files;
using AdaptFormer.Files.Hub;
using AdaptFormer.Models.Layers;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Where weights lie and what the files beside them tell: a single file, or a folder as Hugging Face hands models out, with
/// <c>config.json</c> (of transformers or of timm) and <c>preprocessor_config.json</c>.
/// </summary>
internal sealed class CheckpointPlace
{
    private const int MaxConfigBytes = 8 << 20;
    private const string ConfigName = "config.json", ProcessorName = "preprocessor_config.json";
    private static readonly string[] WeightNames =
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "checkpoint.pth"];

    private readonly List<string> _notes = [];
    private string? _folder;
    private bool _isTimm;

    private CheckpointPlace(string weightsPath) => WeightsPath = weightsPath;

    /// <summary>The weights file, or the index of its shards.</summary>
    public string WeightsPath { get; }

    /// <summary>A <see cref="ModelZoo"/> id that timm's configuration names; null if none.</summary>
    public string? Id { get; private set; }

    /// <summary>Attention heads.</summary>
    public int? NumHeads { get; private set; }

    /// <summary>The nonlinearity of the feed-forward layers.</summary>
    public MlpActivation? Activation { get; private set; }

    /// <summary>Side of a picture in pixels, where no weight tells it (Swin).</summary>
    public int? ImgSize { get; private set; }

    /// <summary>ε of the norms.</summary>
    public float? NormEps { get; private set; }

    /// <summary>Names of the classes; null where nothing says.</summary>
    public IReadOnlyList<string>? Labels { get; private set; }

    /// <summary>What was found and not understood, in words.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Finds the weights at <paramref name="path"/>.</summary>
    /// <exception cref="FileNotFoundException">There is nothing at the path.</exception>
    /// <exception cref="InvalidDataException">A folder holds no weights, or several, or a configuration that no plain ViT has.</exception>
    public static CheckpointPlace Find(string path)
    {
        if (path.StartsWith(HubId.Scheme, StringComparison.Ordinal)) path = new HubCache().Find(HubId.Parse(path));
        if (ShippedWeights.Means(path)) path = ShippedWeights.Find(path);
        if (File.Exists(path)) return new CheckpointPlace(path);
        if (!Directory.Exists(path)) throw new FileNotFoundException($"{path}: there is no such weights file or folder.", path);
        CheckpointPlace place = new(WeightsIn(path)) { _folder = path };
        Read(path, ConfigName, config =>
        {
            place.ReadConfig(config);
            return true;
        });
        return place;
    }

    /// <summary>What pictures must look like, from the files beside the weights; null where there are none. Read only where nothing else
    /// says it: the files may be refused.</summary>
    /// <param name="notes">Receives what is in the files and not known.</param>
    /// <exception cref="InvalidDataException">A file asks for what is not supported.</exception>
    public Preprocessing? ReadPreprocessing(ICollection<string> notes)
    {
        if (_folder is null) return null;
        Preprocessing? processor = Read(_folder, ProcessorName, json => ProcessorFile.Read(json, notes));
        return processor ?? (_isTimm ? Read(_folder, ConfigName, TimmConfigFile.Pictures) : null);
    }

    private static string WeightsIn(string folder)
    {
        if (WeightNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } known) return known;
        string[] found = [.. Directory.GetFiles(folder)
            .Where(file => Path.GetExtension(file) is ".safetensors" or ".pth" or ".pt" or ".bin" or ".npz").Order(StringComparer.Ordinal)];
        return found.Length == 1
            ? found[0]
            : throw new InvalidDataException($"{folder}: expected one weights file ({string.Join(", ", WeightNames[..3])}, …), found "
            + $"{(found.Length == 0 ? "none" : string.Join(", ", found.Select(Path.GetFileName)))}.");
    }

    private static T? Read<T>(string folder, string name, Func<JsonElement, T> read)
    {
        string path = Path.Combine(folder, name);
        if (!Path.Exists(path)) return default;
        byte[] bytes = RegularFile.ReadAllBytes(path, MaxConfigBytes, "a configuration");
        try
        {
            using JsonDocument json = JsonDocument.Parse(bytes);
            return read(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException
            or IndexOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException($"{path}: it is no model configuration that can be read: {JsonText.Explain(e)}.", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"{path}: {e.Message} Without this file (name the weights file itself, and the model's id) it is not asked.", e);
        }
    }

    private void ReadConfig(JsonElement config)
    {
        if (TimmConfigFile.Recognises(config))
        {
            (_isTimm, Id, Labels) = (true, TimmConfigFile.Id(config), TimmConfigFile.Labels(config));
            return;
        }

        if (config.TryGetProperty("id2label", out JsonElement labels) && labels.ValueKind == JsonValueKind.Object)
            Labels = NumberedNames.Read(labels);

        if (config.TryGetProperty("vision_config", out JsonElement vision)) config = vision;      // CLIP: text and vision beside each other
        if (config.TryGetProperty("use_swiglu_ffn", out JsonElement gated) && gated.GetBoolean())
            throw new InvalidDataException("use_swiglu_ffn: the gated feed-forward layer of DINOv2's giant size is not supported; the "
                + "small, base and large sizes are.");
        string? kind = config.TryGetProperty("model_type", out JsonElement type) ? type.GetString() : null;
        // refused by their weights' names
        if (kind is "dinov3_vit" or "siglip" or "siglip_vision_model" or "siglip2" or "siglip2_vision_model" or "beit" or "eva") return;
        if (config.TryGetProperty("hidden_act", out JsonElement activation))
        {
            Activation = activation.GetString() switch
            {
                "gelu" => MlpActivation.Gelu,
                "quick_gelu" => MlpActivation.QuickGelu,
                string other => throw new InvalidDataException($"hidden_act '{other}' is not supported; gelu and quick_gelu are."),
                null => null,
            };
        }

        if (config.TryGetProperty("num_attention_heads", out JsonElement heads)) NumHeads = heads.GetInt32();
        if (kind == "swin" && config.TryGetProperty("image_size", out JsonElement side) && side.ValueKind == JsonValueKind.Number)
            ImgSize = side.GetInt32();
        if (config.TryGetProperty("layer_norm_eps", out JsonElement eps)) NormEps = eps.GetSingle();
    }
}
