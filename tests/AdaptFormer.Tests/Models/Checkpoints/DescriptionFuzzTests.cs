using AdaptFormer.Files.Hub;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>Damaged descriptions beside weights, and damaged answers of a hub: read, or refused with <see cref="InvalidDataException"/> and the file's name.</summary>
public sealed class DescriptionFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("config.json")]
    [InlineData("timm")]
    [InlineData("preprocessor_config.json")]
    public void Damaged_configurations_are_read_or_refused_in_words(string kind)
    {
        string folder = Directory.CreateDirectory(_folder.PathOf("hf")).FullName, name = kind == "timm" ? "config.json" : kind;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "brought", "vit.safetensors"), Path.Combine(folder, "model.safetensors"));
        string seed = kind switch
        {
            "config.json" => """{"model_type": "vit", "num_attention_heads": 1, "layer_norm_eps": 1e-6, "hidden_act": "gelu", "image_size": 16, "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}, "vision_config": {"num_attention_heads": 1}}""",
            "timm" => """{"architecture": "vit_base_patch16_224", "label_names": ["a", "b"], "pretrained_cfg": {"tag": "x", "input_size": [3, 16, 16], "crop_pct": 0.9, "crop_mode": "center", "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}""",
            _ => """{"image_processor_type": "DeiTImageProcessor", "do_resize": true, "size": {"height": 16, "width": 16}, "do_center_crop": true, "crop_size": 16, "resample": 3, "do_rescale": true, "rescale_factor": 0.004, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "crop_pct": 0.9}""",
        };
        Fuzz fuzz = new($"description {kind}", output) { Few = 100, Named = folder, Allowed = _ => 16 << 20 };
        fuzz.Run(rng => JsonDamage.Mutate(seed, rng), bytes =>
        {
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
            BackboneLoader.Open(folder, new BackboneOptions(NumHeads: 1, Config: kind == "timm" ? Sizes : null)).Dispose();
        });
    }

    [Theory]
    [InlineData("""{"architecture": null}""")]
    [InlineData("""{"architecture": 3}""")]
    [InlineData("""{"architecture": "vit_base_patch16_224", "label_names": ["a", null]}""")]
    public void A_configuration_without_a_name_where_one_belongs_is_refused(string text)
    {
        string folder = Directory.CreateDirectory(_folder.PathOf("hf")).FullName, config = Path.Combine(folder, "config.json");
        File.WriteAllText(Path.Combine(folder, "model.safetensors"), "");
        File.WriteAllText(config, text);
        Assert.StartsWith(config, Assert.Throws<InvalidDataException>(() => CheckpointPlace.Find(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_listings_are_read_or_refused_in_words()
    {
        const string Seed = """{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "config.json", "size": 3, "blobId": "0123456789abcdef0123456789abcdef01234567"}, {"rfilename": "model.safetensors", "lfs": {"size": 9, "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}]}""";
        Fuzz fuzz = new("hub listing", output) { Few = 100 };
        fuzz.Run(rng => JsonDamage.Mutate(Seed, rng), bytes => Assert.NotEmpty(HubListing.Parse(bytes, "hub").Needed()));
    }

    private static AdaptFormer.Models.Vit.VitConfig Sizes => new(16, 16, 4, EmbedDim: 64, Depth: 1, NumHeads: 1, MlpRatio: 0.25);
}
