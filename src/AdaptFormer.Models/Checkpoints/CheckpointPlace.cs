using System.Text.Json;
using AdaptFormer.Models.Hub;
using AdaptFormer.Models.Layers;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Where weights lie and what the files beside them tell: a single file, or a folder as Hugging Face hands models out, with
/// <c>config.json</c> (of transformers or of timm) and <c>preprocessor_config.json</c>.
/// </summary>
internal sealed class CheckpointPlace
{
    private const int MaxConfigBytes = 8 << 20;
    private static readonly string[] WeightNames =
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "checkpoint.pth"];

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

    /// <summary>What pictures must look like.</summary>
    public Preprocessing? Preprocessing { get; private set; }

    /// <summary>Finds the weights at <paramref name="path"/>.</summary>
    /// <exception cref="FileNotFoundException">There is nothing at the path.</exception>
    /// <exception cref="InvalidDataException">A folder holds no weights, or several, or a configuration that no plain ViT has.</exception>
    public static CheckpointPlace Find(string path)
    {
        if (path.StartsWith(HubId.Scheme, StringComparison.Ordinal)) path = new HubCache().Find(HubId.Parse(path));
        if (File.Exists(path)) return new CheckpointPlace(path);
        if (!Directory.Exists(path)) throw new FileNotFoundException($"{path}: there is no such weights file or folder.", path);
        CheckpointPlace place = new(WeightsIn(path));
        Read(path, "config.json", place.ReadConfig);
        Read(path, "preprocessor_config.json", place.ReadPreprocessor);
        return place;
    }

    private static string WeightsIn(string folder)
    {
        if (WeightNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } known) return known;
        string[] found = [.. Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".safetensors" or ".pth" or ".pt" or ".bin" or ".npz").Order(StringComparer.Ordinal)];
        return found.Length == 1
            ? found[0]
            : throw new InvalidDataException($"{folder}: expected one weights file ({string.Join(", ", WeightNames[..3])}, …), found {(found.Length == 0 ? "none" : string.Join(", ", found.Select(Path.GetFileName)))}.");
    }

    private static void Read(string folder, string name, Action<JsonElement> read)
    {
        string path = Path.Combine(folder, name);
        FileInfo file = new(path);
        if (!file.Exists) return;
        if (file.Length > MaxConfigBytes) throw new InvalidDataException($"{path}: a configuration of {file.Length} bytes is not read.");
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            read(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"{path}: it is no model configuration that can be read: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private void ReadConfig(JsonElement config)
    {
        if (config.TryGetProperty("architecture", out JsonElement architecture))
        {
            ReadTimm(config, architecture.GetString()!);
            return;
        }

        if (config.TryGetProperty("vision_config", out JsonElement vision)) config = vision;      // CLIP: text and vision beside each other
        if (config.TryGetProperty("use_swiglu_ffn", out JsonElement gated) && gated.GetBoolean())
            throw new InvalidDataException("use_swiglu_ffn: the gated feed-forward layer of DINOv2's giant size is not supported; the small, base and large sizes are.");
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
        bool swin = config.TryGetProperty("model_type", out JsonElement type) && type.GetString() == "swin";
        if (swin && config.TryGetProperty("image_size", out JsonElement side) && side.ValueKind == JsonValueKind.Number) ImgSize = side.GetInt32();
        if (config.TryGetProperty("layer_norm_eps", out JsonElement eps)) NormEps = eps.GetSingle();
    }

    private void ReadTimm(JsonElement config, string architecture)
    {
        JsonElement weights = config.TryGetProperty("pretrained_cfg", out JsonElement inner) ? inner : config;
        string tagged = weights.TryGetProperty("tag", out JsonElement tag) ? $"{architecture}.{tag.GetString()}" : architecture;
        Id = ModelZoo.Contains(tagged) ? tagged : ModelZoo.Contains(architecture) ? architecture : null;
        if (!weights.TryGetProperty("mean", out JsonElement mean) || !weights.TryGetProperty("std", out JsonElement std)) return;
        int size = weights.TryGetProperty("input_size", out JsonElement input) ? input[input.GetArrayLength() - 1].GetInt32() : 224;
        double crop = weights.TryGetProperty("crop_pct", out JsonElement fraction) ? fraction.GetDouble() : 0.875;
        Resampling filter = weights.TryGetProperty("interpolation", out JsonElement named) && named.GetString() == "bilinear" ? Resampling.Bilinear : Resampling.Bicubic;
        Preprocessing = new Preprocessing(size, Channels(mean), Channels(std), (int)Math.Floor(size / crop), filter);
    }

    private void ReadPreprocessor(JsonElement config)
    {
        if (!config.TryGetProperty("image_mean", out JsonElement mean) || !config.TryGetProperty("image_std", out JsonElement std)) return;
        int resize = config.TryGetProperty("size", out JsonElement size) ? Side(size) : 224;
        bool crops = config.TryGetProperty("do_center_crop", out JsonElement crop) && crop.GetBoolean();
        int image = crops && config.TryGetProperty("crop_size", out JsonElement cropSize) ? Side(cropSize) : resize;
        Resampling filter = config.TryGetProperty("resample", out JsonElement number) && number.GetInt32() == 3 ? Resampling.Bicubic : Resampling.Bilinear;
        // Without a crop, transformers stretches the whole picture to a square.
        Preprocessing = new Preprocessing(image, Channels(mean), Channels(std), crops ? resize : 0, filter);
    }

    private static int Side(JsonElement size)
    {
        if (size.ValueKind == JsonValueKind.Number) return size.GetInt32();
        return size.TryGetProperty("shortest_edge", out JsonElement edge) ? edge.GetInt32() : size.GetProperty("height").GetInt32();
    }

    private static Rgb Channels(JsonElement list) => list.GetArrayLength() == 3
        ? new Rgb(list[0].GetSingle(), list[1].GetSingle(), list[2].GetSingle())
        : throw new InvalidDataException($"three channels are expected, got {list.GetArrayLength()}.");
}
