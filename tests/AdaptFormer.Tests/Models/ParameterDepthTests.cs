using AdaptFormer.Models;
using AdaptFormer.Models.Swin;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Models;

/// <summary>Where each family's parameters stand for layer-wise rates: 0 ahead of the blocks, i + 1 in block i, behind them with the head.</summary>
public sealed class ParameterDepthTests
{
    private static readonly VitConfig Vit = new(16, 16, 8, EmbedDim: 8, Depth: 2, NumHeads: 2, MlpRatio: 2);

    public static TheoryData<string> Families => [.. Models.Keys];

    private static Dictionary<string, (BackboneConfig Config, string Depths)> Models => new()
    {
        ["vit"] = (Vit with { PreLogits = 4 }, "0: cls_token pos_embed patch_embed.proj 1: blocks.0 2: blocks.1 3: norm pre_logits.fc head"),
        ["clip"] = (Vit with { PreNorm = true, PatchBias = false }, "0: cls_token pos_embed patch_embed.proj norm_pre 1: blocks.0 2: blocks.1 3: norm head"),
        ["registers"] = (Vit with { RegTokens = 2, DistToken = true }, "0: cls_token dist_token reg_token pos_embed patch_embed.proj 1: blocks.0 2: blocks.1 3: norm head"),
        ["mean"] = (Vit with { GlobalPool = true, LayerScale = true }, "0: cls_token pos_embed patch_embed.proj 1: blocks.0 2: blocks.1 3: fc_norm head"),
        ["video"] = (new VideoVitConfig(2, 16, 16, 2, 8, EmbedDim: 8, Depth: 2, NumHeads: 2, MlpRatio: 2), "0: patch_embed.proj 1: blocks.0 2: blocks.1 3: fc_norm head"),
        ["inflated"] = (new VideoVitConfig(2, 16, 16, 2, 8, EmbedDim: 8, Depth: 1, NumHeads: 2, MlpRatio: 2, ImageTokens: true, Inflate: Inflation.Mean), "0: cls_token pos_embed patch_embed.proj 1: blocks.0 2: fc_norm head"),
        ["swin"] = (new SwinConfig(32, 32, 4, 8, [1, 2, 1], [1, 2, 4], WindowSize: 2, MlpRatio: 2),
            "0: patch_embed.proj patch_embed.norm 1: layers.0.blocks.0 layers.0.downsample.reduction layers.0.downsample.norm 2: layers.1.blocks.0 "
            + "3: layers.1.blocks.1 layers.1.downsample.reduction layers.1.downsample.norm 4: layers.2.blocks.0 5: norm head"),
        ["video swin"] = (new VideoSwinConfig(4, 16, 16, 2, 4, 8, [1, 1], [1, 2], WindowFrames: 2, WindowSize: 2, MlpRatio: 2),
            "0: patch_embed.proj patch_embed.norm 1: layers.0.blocks.0 layers.0.downsample.reduction layers.0.downsample.norm 2: layers.1.blocks.0 3: norm head"),
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_parameter_of_a_family_has_its_depth(string family)
    {
        (BackboneConfig config, string expected) = Models[family];
        using Backbone model = config.Create("tiny");
        new FullTuning(AdaptFormer.Models.Layers.HeadKind.Plain).Attach(model, 3, new Rng(0));
        OrderedDictionary<string, int> found = [];
        foreach ((string name, Parameter parameter) in model.Parameters()) found[Owner(name)] = model.DepthOf(name, parameter);
        string text = string.Join(' ', found.GroupBy(entry => entry.Value, entry => entry.Key).OrderBy(group => group.Key).Select(group => $"{group.Key}: {string.Join(' ', group)}"));
        Assert.Equal(Sorted(expected), Sorted(text));
    }

    [Fact]
    public void What_a_method_adds_stands_with_its_layer_and_prompts_with_the_head()
    {
        using Backbone vit = Vit.Create("tiny"), swin = Models["swin"].Config.Create("tiny");
        new VptTuning(2).Attach(vit, 3, new Rng(0));
        Assert.All(vit.TrainableParameters(), entry => Assert.Equal(3, vit.DepthOf(entry.Key, entry.Value)));
        new SsfTuning().Attach(swin, 3, new Rng(0));
        Dictionary<string, int> of = swin.TrainableParameters().ToDictionary(entry => entry.Key, entry => swin.DepthOf(entry.Key, entry.Value));
        Assert.Equal((0, 3), (of["patch_embed.ssf.scale"], of["layers.1.blocks.1.mlp.fc1.ssf.scale"]));
    }

    [Fact]
    public void A_name_that_no_family_knows_is_an_error()
    {
        using Backbone model = Vit.Create("tiny");
        using Parameter stranger = Parameter.Zeros(1);
        Assert.Contains("'aside.weight'", Assert.Throws<ArgumentException>(() => model.DepthOf("aside.weight", stranger)).Message, StringComparison.Ordinal);
    }

    private static string Owner(string name) => name.Contains("blocks.", StringComparison.Ordinal)
        ? name[..(name.IndexOf('.', name.IndexOf("blocks.", StringComparison.Ordinal) + "blocks.".Length))]
        : name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal) ? name[..name.LastIndexOf('.')] : name;

    private static string Sorted(string text) => string.Join(' ', text.Split(' ').Order(StringComparer.Ordinal).Prepend($"{text.Split(' ').Length}:"))
        + string.Concat(System.Text.RegularExpressions.Regex.Split(text, " ?(?=[0-9]+: )").Where(part => part.Length > 0)
            .Select(part => "|" + string.Join(' ', part.Split(' ').Order(StringComparer.Ordinal))));
}
