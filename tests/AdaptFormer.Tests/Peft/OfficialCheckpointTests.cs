using System.Text.Json;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Parity;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>The authors' checkpoints, from the golden files: their tensors under their names, and the logits that they give.</summary>
public sealed class OfficialCheckpointTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, bool> Cases
    {
        get
        {
            string[] files =
            [
                "image_adapter_parallel", "image_adapter_parallel_plainhead", "image_adapter_ln_in", "image_adapter_learnable_scalar", "image_adapter_global_pool", "image_linear", "image_vpt",
                "video_adapter_parallel", "video_linear", "video_vpt",
            ];
            TheoryData<string, bool> cases = [];
            foreach (string file in files) cases.Add(file, false);
            cases.Add("image_adapter_parallel", true);
            cases.Add("video_adapter_parallel", true);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_checkpoint_of_the_authors_code_gives_their_logits_and_comes_out_as_it_went_in(string name, bool trainedOnly)
    {
        (ParityCase golden, string backbone, string checkpoint) = Files(name, trainedOnly);
        using Backbone model = BackboneLoader.Open(backbone, new(Config: VitCase.Sizes(golden), KeepHead: false));
        Tuning tuning = OfficialCheckpoint.Import(checkpoint, model);
        Assert.Equal(golden.Floats("out/logits").Length, model.Head!.Classes * golden.Shape("input/x")[0]);
        using TensorScope scope = new();
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        ParityCase.AssertClose("logits", golden.Floats("out/logits"), model.Forward(pixels).ToArray(), 1e-4);

        string target = _folder.PathOf("exported.safetensors");
        OfficialCheckpoint.Export(target, model, tuning, wholeModel: !trainedOnly);
        using WeightsFile exported = WeightsFile.Open(target), original = WeightsFile.Open(checkpoint);
        Assert.Equal(original.Entries.Keys.Order(), exported.Entries.Keys.Order());
        foreach ((string key, WeightsEntry entry) in original.Entries)
        {
            Assert.Equal((entry.Type, entry.Shape), (exported.Get(key).Type, exported.Get(key).Shape));
            Assert.Equal(Read(original, entry), Read(exported, exported.Get(key)));
        }

        AdapterFile.Save(_folder.PathOf("adapter.safetensors"), model, tuning, [.. Enumerable.Range(0, 5).Select(i => $"{i}")]);
        Assert.Equal(tuning, AdapterFile.Open(_folder.PathOf("adapter.safetensors")).Tuning);
    }

    [Fact]
    public void Choices_that_no_shape_tells_are_the_callers()
    {
        (ParityCase golden, string backbone, string checkpoint) = Files("image_adapter_sequential", trainedOnly: true);
        using Backbone model = BackboneLoader.Open(backbone, new(NumHeads: 4, KeepHead: false));
        OfficialCheckpoint.Import(checkpoint, model, new AdaptFormerTuning(Position: AdapterPosition.Sequential));
        using TensorScope scope = new();
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        ParityCase.AssertClose("logits", golden.Floats("out/logits"), model.Forward(pixels).ToArray(), 1e-4);
    }

    [Fact]
    public void A_checkpoint_of_another_backbone_is_refused_and_the_model_stays()
    {
        (_, _, string checkpoint) = Files("image_adapter_parallel", trainedOnly: false);
        (_, string other, _) = Files("image_vpt", trainedOnly: false);
        using Backbone model = BackboneLoader.Open(other, new(NumHeads: 4, KeepHead: false));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => OfficialCheckpoint.Import(checkpoint, model));
        Assert.Contains("trained on another backbone", error.Message);
        Assert.Null(model.Head);
        Assert.Null(model.Blocks[0].FfnDelta.Attached);
    }

    public static TheoryData<string, string> Unknown => new()
    {
        { """{"method": "adaptformer", "form": "conv"}""", "convolution" }, { """{"method": "adaptformer", "form": "dwconv"}""", "convolution" },
        { """{"method": "adaptformer", "input": "shared_norm"}""", "the block's own norm" }, { """{"method": "adaptformer", "bias": false}""", "without biases" },
        { """{"method": "adaptformer", "layers": "2"}""", "some blocks only" }, { """{"method": "adaptformer", "activation": "gelu"}""", "than ReLU" },
        { """{"method": "vpt", "deep": false}""", "shallow prompts" }, { """{"method": "lora"}""", "method 'lora'" }, { """{"method": "ssf"}""", "method 'ssf'" },
        { """{"method": "houlsby"}""", "method 'houlsby'" }, { """{"method": "bitfit"}""", "method 'bitfit'" }, { """{"method": "norm"}""", "method 'norm'" },
    };

    [Theory]
    [MemberData(nameof(Unknown))]
    public void What_the_authors_code_does_not_know_is_refused_in_words_and_nothing_is_written(string tuning, string words)
    {
        Tuning method = JsonSerializer.Deserialize<Tuning>(tuning, JsonKinds.Options(RecipeJson.Default))!;
        using VisionTransformer model = TinyVit.Create();
        method.Attach(model, 3, new Rng(0));
        string target = _folder.PathOf("out.safetensors");
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => OfficialCheckpoint.Export(target, model, method)).Message);
        Assert.False(File.Exists(target));
    }

    [Fact]
    public void A_checkpoint_with_convolutions_is_none_of_theirs()
    {
        using VisionTransformer model = TinyVit.Create();
        new AdaptFormerTuning(4, Form: AdapterForm.Conv).Attach(model, 3, new Rng(0));
        CheckpointConverter.Save(_folder.PathOf("conv.safetensors"), StateDict.Of(model));
        using VisionTransformer plain = TinyVit.Create();
        string message = Assert.Throws<InvalidDataException>(() => OfficialCheckpoint.Import(_folder.PathOf("conv.safetensors"), plain)).Message;
        Assert.Contains("blocks.0.adaptmlp.down_conv", message);
        Assert.Null(plain.Head);
    }

    // The golden file's parameters as the authors save them, and its backbone as it was before.
    private (ParityCase Golden, string Backbone, string Checkpoint) Files(string name, bool trainedOnly)
    {
        ParityCase golden = ParityCase.Open($"vit_{name}.safetensors");
        string[] added = ["adaptmlp", "embeddings.", "head.", "fc_norm."];
        StateDict backbone = new(), checkpoint = new();
        foreach (string full in golden.Names.Where(n => n.StartsWith("param/", StringComparison.Ordinal)))
        {
            string key = full[6..];
            StateDict.Weight weight = new(new Shape(golden.Shape(full)), destination => golden.Floats(full).CopyTo(destination));
            bool isAdded = added.Any(word => key.Contains(word));
            if (!isAdded) backbone.Add(key, weight);
            if (isAdded || !trainedOnly) checkpoint.Add(key, weight);
        }

        string backbonePath = _folder.PathOf($"{name}.backbone.safetensors"), checkpointPath = _folder.PathOf($"{name}.checkpoint.safetensors");
        CheckpointConverter.Save(backbonePath, backbone);
        CheckpointConverter.Save(checkpointPath, checkpoint);
        return (golden, backbonePath, checkpointPath);
    }

    private static float[] Read(WeightsFile file, WeightsEntry entry)
    {
        float[] values = new float[entry.ElementCount];
        file.ReadFloat32(entry, values);
        return values;
    }
}
