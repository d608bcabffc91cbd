using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>CLIP's vision tower and DINOv2 under Hugging Face's names, against numbers that <c>tools/parity/vision_towers.py</c> wrote with PyTorch's modules.</summary>
public sealed class VisionTowerTests : IDisposable
{
    private const string ClipConfig = """{"model_type": "clip", "vision_config": {"hidden_act": "quick_gelu", "num_attention_heads": 4, "layer_norm_eps": 1e-5}}""";
    private const string DinoConfig = """{"model_type": "dinov2", "hidden_act": "gelu", "num_attention_heads": 4, "layer_norm_eps": 1e-6, "use_swiglu_ffn": false}""";
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("managed", "clip_vision")]
    [InlineData("managed", "dinov2")]
    [InlineData("oneDNN", "clip_vision")]
    [InlineData("oneDNN", "dinov2")]
    public void Features_are_those_of_pytorch(string backend, string tower)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using Backbone model = Open(tower);
        using WeightsFile check = WeightsFile.Open(Fixture(tower, "check.safetensors.expected"));
        using TensorScope scope = new();
        Tensor pixels = Tensor.From(Read(check, "x"), check.Get("x").Shape);
        ParityCase.AssertClose("features", Read(check, "features"), model.Features(pixels).ToArray(), 1e-4);
    }

    [Fact]
    public void What_a_folder_says_is_built()
    {
        using Backbone clip = Open("clip_vision"), dino = Open("dinov2");
        Assert.Equal(
            new VitConfig(16, 16, PatchSize: 4, EmbedDim: 24, Depth: 2, NumHeads: 4, MlpRatio: 2, NormEps: 1e-5f, PatchBias: false, PreNorm: true, Activation: MlpActivation.QuickGelu), clip.Config);
        Assert.Equal(new VitConfig(16, 16, PatchSize: 4, EmbedDim: 24, Depth: 2, NumHeads: 4, MlpRatio: 2, LayerScale: true), dino.Config);
        Assert.Equal(("Hugging Face clip", "Hugging Face dinov2"), (clip.Source!.Report.Naming, dino.Source!.Report.Naming));
        Assert.Contains(dino.Source.Report.Notes, note => note.Contains("mean of the patch tokens (DINOv2)", StringComparison.Ordinal));
        Assert.Null(dino.Head);
    }

    [Theory]
    [InlineData("clip_vision", "huggingface-clip")]
    [InlineData("dinov2", "huggingface-dinov2")]
    public void Names_go_both_ways(string tower, string naming)
    {
        string folder = Folder(tower), timm = _folder.PathOf("timm.safetensors"), back = _folder.PathOf("back.safetensors");
        CheckpointConverter.Convert(folder, timm, NameMaps.Timm);
        CheckpointConverter.Convert(timm, back, NameMaps.Get(naming));
        using WeightsFile original = WeightsFile.Open(Fixture(tower, "model.safetensors")), returned = WeightsFile.Open(back);
        foreach (string name in returned.Entries.Keys)
        {
            string theirs = original.Entries.Keys.Single(key => key == name || key.EndsWith($".{name}", StringComparison.Ordinal));
            Assert.Equal(original.Get(theirs).Shape, returned.Get(name).Shape);
            Assert.Equal(Read(original, theirs), Read(returned, name));
        }

        Assert.True(returned.Entries.Count >= 32, $"{returned.Entries.Count} tensors came back");
    }

    [Fact]
    public void A_gated_feed_forward_layer_is_refused_with_the_reason()
    {
        string folder = Folder("dinov2", DinoConfig.Replace("\"use_swiglu_ffn\": false", "\"use_swiglu_ffn\": true", StringComparison.Ordinal));
        Assert.Contains("DINOv2's giant size is not supported", Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(folder)).Message, StringComparison.Ordinal);
    }

    private Backbone Open(string tower) => BackboneLoader.Open(Folder(tower));

    private string Folder(string tower, string? config = null)
    {
        string folder = Directory.CreateDirectory(_folder.PathOf($"{tower}-{Guid.NewGuid():N}")).FullName;
        File.Copy(Fixture(tower, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(folder, "config.json"), config ?? (tower == "dinov2" ? DinoConfig : ClipConfig));
        return folder;
    }

    private static string Fixture(string tower, string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "towers", tower, name);

    private static float[] Read(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        return values;
    }
}
