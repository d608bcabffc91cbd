using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Models;

/// <summary>Names and shapes are what checkpoints depend on: a change of one is a change of the format and has to be approved here.</summary>
public sealed class ParameterSnapshotTests
{
    public static TheoryData<string, string> Snapshots => new()
    {
        { "vit_base_patch16_224", "" },
        { "deit_tiny_patch16_224", "" },
        { "vit_base_patch16_224_in21k", "" },
        { "vit_base_patch16", "global_pool" },
        { "vit_base_patch16_224", "adaptformer" },
        { "vit_base_patch16_224", "vpt" },
        { "vit_base_patch16_224.videomae", "" },
    };

    [Theory]
    [MemberData(nameof(Snapshots))]
    public void Names_and_shapes_are_the_approved_ones(string id, string variant)
    {
        BackboneConfig config = ModelZoo.Get(id).Config;
        using Backbone model = (variant == "global_pool" ? config.WithGlobalPool(true) : config).Create(id);
        if (variant == "adaptformer") AdaptFormerTuning.OfficialImage.Attach(model, 100, new Rng(0));
        if (variant == "vpt") new VptTuning().Attach(model, 100, new Rng(0));
        string[] lines = [.. model.State().Select(entry => $"{entry.Key} {entry.Value.Tensor.Shape}{(entry.Value.Tensor.Trainable ? " trains" : "")}")];

        string name = variant.Length == 0 ? $"{id}.params.txt" : $"{id}.{variant}.params.txt";
        string approved = Path.Combine(AppContext.BaseDirectory, "Fixtures", "Snapshots", name);
        if (Environment.GetEnvironmentVariable("ADAPTFORMER_WRITE_SNAPSHOTS") is { Length: > 0 } folder) File.WriteAllLines(Path.Combine(folder, name), lines);
        Assert.True(File.Exists(approved), $"{name} is not approved yet");
        Assert.Equal(File.ReadAllLines(approved), lines);
    }
}
