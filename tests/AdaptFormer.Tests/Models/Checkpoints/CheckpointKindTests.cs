using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>Vision transformers that differ from the plain one in tokens, positions, pooling or names, against the logits of timm's and torchvision's own models.</summary>
public sealed class CheckpointKindTests : IDisposable
{
    private static readonly BackboneOptions TwoHeads = new(NumHeads: 2);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("deit3", "timm")]
    [InlineData("deit3_original", "DeiT III")]
    [InlineData("reg4", "timm")]
    [InlineData("reg4_original", "DINOv2")]
    [InlineData("reg4_with_places", "timm")]
    [InlineData("reg4_gap", "timm")]
    [InlineData("gap_norm", "timm")]
    [InlineData("distilled", "timm")]
    [InlineData("distilled_huggingface", "Hugging Face vit")]
    [InlineData("torchvision", "torchvision vit")]
    [InlineData("mmpretrain", "mmpretrain vit")]
    public void A_kind_answers_as_its_own_program(string kind, string naming)
    {
        using Backbone model = BackboneLoader.Open(Weights(kind), TwoHeads);
        Assert.Equal(naming, model.Source!.Report.Naming);
        using TensorScope scope = new();
        ParityCase.AssertClose("logits", Check(kind, "check/logits"), model.Forward(Pixels(kind)).ToArray(), 1e-5);
    }

    [Theory]
    [InlineData("deit3", "deit3_original")]
    [InlineData("reg4", "reg4_original")]
    [InlineData("distilled", "distilled_huggingface")]
    public void The_same_model_under_other_names_has_the_same_digest_of_what_is_not_computed(string one, string other)
    {
        using Backbone first = BackboneLoader.Open(Weights(one), TwoHeads), second = BackboneLoader.Open(Weights(other), TwoHeads);
        Assert.Equal(first.Config, second.Config);
        if (one != "reg4") Assert.Equal(first.Source!.Digest, second.Source!.Digest);      // adding and taking away a position rounds
    }

    [Theory]
    [InlineData("deit3")]
    [InlineData("reg4")]
    [InlineData("reg4_with_places")]
    [InlineData("reg4_gap")]
    [InlineData("distilled")]
    [InlineData("gap_norm")]
    public void Every_kind_is_tuned_saved_and_read_back_at_its_own_size_and_at_another(string kind)
    {
        foreach (int? side in new int?[] { null, 24 })
        {
            AdaptFormerTuning tuning = new(Bottleneck: 3);
            string adapter = _folder.PathOf("adapter.safetensors");
            using Backbone model = BackboneLoader.Open(Weights(kind), TwoHeads with { ImgSize = side, KeepHead = false });
            tuning.Attach(model, 3, new Rng(1));
            AdapterFile.Save(adapter, model, tuning, ["a", "b", "c"]);
            using TensorScope scope = new();
            Tensor pixels = Tensor.Full(new Shape([1, .. model.InputShape]), 0.3f);
            using Backbone again = BackboneLoader.Open(Weights(kind), TwoHeads with { ImgSize = side, KeepHead = false });
            AdapterFile.Load(adapter, again);
            Assert.Equal(model.Forward(pixels).ToArray(), again.Forward(pixels).ToArray());
        }
    }

    [Theory]
    [InlineData("deit3", "timm")]
    [InlineData("reg4", "timm")]
    [InlineData("distilled", "huggingface")]
    [InlineData("torchvision", "torchvision")]
    [InlineData("mmpretrain", "mmpretrain")]
    [InlineData("deit3_original", "deit3")]
    public void A_kind_is_converted_there_and_back(string kind, string naming)
    {
        string there = _folder.PathOf("there.safetensors");
        CheckpointConverter.Convert(Weights(kind), there, NameMaps.Get(naming));
        using Backbone model = BackboneLoader.Open(there, TwoHeads);
        using TensorScope scope = new();
        ParityCase.AssertClose("logits", Check(kind, "check/logits"), model.Forward(Pixels(kind)).ToArray(), 1e-5);
    }

    [Fact]
    public void Siglip_is_refused_by_name_and_its_tokens_can_be_pooled_otherwise()
    {
        string path = Weights("siglip");
        string message = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(path, TwoHeads)).Message;
        Assert.Contains("it holds SigLIP, whose attention pooling (attn_pool.*) is not supported", message, StringComparison.Ordinal);
        using Backbone model = BackboneLoader.Open(path, TwoHeads with { GlobalPool = true, KeepHead = false });
        Assert.Equal(["fc_norm.weight", "fc_norm.bias"], model.Source!.Report.Fresh);
        Assert.False(((VitConfig)model.Config).ClassToken);
    }

    [Theory]
    [InlineData("DINOv3", "rotary positions", "rope_embed.periods", "storage_tokens")]
    [InlineData("DINOv3", "rotary positions", "embeddings.register_tokens", "layer.0.layer_scale1.lambda1", "layer.0.attention.o_proj.weight")]
    [InlineData("DINOv3", "rotary positions", "reg_token", "blocks.0.gamma_1")]
    [InlineData("EVA-02", "SwiGLU", "blocks.0.mlp.fc1_g.weight")]
    [InlineData("SwiGLU", "that layer", "blocks.0.mlp.w12.weight")]
    [InlineData("SigLIP", "attention pooling", "vision_model.head.probe", "vision_model.head.attention.in_proj_weight")]
    [InlineData("BEiT", "relative position biases", "rel_pos_bias.relative_position_bias_table")]
    [InlineData("CaiT", "class attention", "blocks_token_only.0.gamma_1")]
    [InlineData("normalised queries and keys", "q_norm", "blocks.0.attn.q_norm.weight")]
    public void What_the_blocks_cannot_compute_is_refused_by_its_right_name(string model, string missing, params string[] names)
    {
        string message = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(Weights("gap_norm", names))).Message;
        Assert.Contains(model, message, StringComparison.Ordinal);
        Assert.Contains(missing, message, StringComparison.Ordinal);
        Assert.DoesNotContain("give the sizes", message, StringComparison.Ordinal);
    }

    private static string Fixture(string kind) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "kinds", $"{kind}.safetensors");

    private static float[] Check(string kind, string name)
    {
        using WeightsFile file = WeightsFile.Open(Fixture(kind));
        float[] values = new float[file.Get(name).ElementCount];
        file.ReadFloat32(file.Get(name), values);
        return values;
    }

    private static Tensor Pixels(string kind) => Tensor.From(Check(kind, "check/x"), new Shape(2, 3, 16, 16));

    /// <summary>The fixture's weights alone, with others of no meaning beside them.</summary>
    private string Weights(string kind, params string[] more)
    {
        string path = _folder.PathOf($"{kind}.safetensors");
        using WeightsFile file = WeightsFile.Open(Fixture(kind));
        StateDict weights = StateDict.Of(file).Renamed(name => name.StartsWith("check/", StringComparison.Ordinal) ? null : name);
        foreach (string name in more) weights.Add(name, new StateDict.Weight(new Shape(1, 1, 1), destination => destination.Clear()));
        SafetensorsWriter writer = new();
        foreach ((string name, StateDict.Weight weight) in weights.Weights) writer.Add(name, weight.Shape, weight.ToArray());
        writer.Save(path);
        return path;
    }
}
