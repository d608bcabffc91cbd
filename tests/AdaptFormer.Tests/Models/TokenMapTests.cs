using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models;

/// <summary>Tokens with their grid, as heads for places read them.</summary>
public sealed class TokenMapTests
{
    public static TheoryData<string> Models => [.. TinyModels.All.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Tokens_are_what_an_observer_sees_behind_the_blocks(string name)
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(name);
        Tensor pixels = TinyModels.Pixels(model);
        List<float[]> seen = [];
        model.Forward(pixels, (what, value) =>
        {
            if (what.Contains("block_", StringComparison.Ordinal)) seen.Add(value.ToArray());
        });
        IReadOnlyList<TokenMap> maps = model.Tokens(pixels, [.. Enumerable.Range(0, model.Blocks.Count)]);
        Assert.Equal(model.Blocks.Count, maps.Count);
        foreach (TokenMap map in maps)
        {
            Assert.Equal(seen[map.Block], map.Tokens.ToArray());
            Assert.Equal([TinyModels.Batch, map.Front + map.Grid.Count, model.Blocks[map.Block].Dim], map.Tokens.Shape.Dims.ToArray());
            Assert.Equal(name is "ViT" or "ViT, mean" or "DINOv2" or "CLIP" ? 1 : 0, map.Front);
        }
    }

    [Fact]
    public void Without_a_choice_it_is_the_last_block_of_each_stage()
    {
        using TensorScope scope = new();
        using Backbone vit = TinyModels.Create("ViT"), swin = TinyModels.Create("Swin");
        Assert.Equal([2], vit.Tokens(TinyModels.Pixels(vit)).Select(map => map.Block));
        IReadOnlyList<TokenMap> stages = swin.Tokens(TinyModels.Pixels(swin));
        Assert.True(stages.Count > 1);
        Assert.Equal(swin.Blocks.Count - 1, stages[^1].Block);
        foreach ((TokenMap stage, TokenMap next) in stages.Zip(stages.Skip(1)))
        {
            Assert.Equal(stage.Grid.Merged, next.Grid);
            Assert.Equal(2 * stage.Tokens.Shape[2], next.Tokens.Shape[2]);
        }
    }

    [Theory]
    [InlineData("ViT")]
    [InlineData("Swin")]
    public void A_method_trains_through_them(string name)
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(name);
        new AdaptFormerTuning(4).Attach(model, 3, new Rng(0));
        using Tape tape = new(new Rng(1));
        Tensor tokens = model.Tokens(tape.Watch(TinyModels.Pixels(model)))[^1].Tokens;
        tape.Backward(tokens.Multiply(tokens).Dot(tokens));
        Assert.All(model.TrainableParameters().Where(entry => entry.Key.Contains("adaptmlp.up")), entry => Assert.NotNull(entry.Value.Grad));
    }

    [Fact]
    public void Blocks_that_are_not_there_are_refused()
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create("ViT");
        Tensor pixels = TinyModels.Pixels(model);
        foreach (int[] wrong in new int[][] { [], [3], [-1], [1, 0], [1, 1] })
            Assert.Contains("expected some of 0 to 2", Assert.Throws<ArgumentException>(() => model.Tokens(pixels, wrong)).Message);
    }
}
