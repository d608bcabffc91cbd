using AdaptFormer.Experiments;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Training;

public sealed class NonFiniteProbeTests
{
    [Theory]
    [InlineData("patch_embed.proj.bias", "patch_embed", float.NaN)]
    [InlineData("pos_embed", "block_0", float.NegativeInfinity)]
    [InlineData("blocks.0.norm1.weight", "block_0", float.NaN)]
    [InlineData("blocks.1.mlp.fc2.bias", "block_1", float.PositiveInfinity)]
    [InlineData("blocks.2.adaptmlp.up_proj.weight", "block_2", float.NaN)]
    [InlineData("norm.bias", "features", float.NaN)]
    [InlineData("head.1.weight", "logits", float.NaN)]
    [InlineData("head.0.running_mean", "logits", float.NaN)]
    public void The_layer_and_the_weight_of_a_planted_value_are_named(string weight, string layer, float value)
    {
        using VisionTransformer model = Model();
        Parameter planted = model.State().Single(entry => entry.Key == weight).Value.Tensor;
        float[] values = planted.ToArray();
        values[^1] = value;
        planted.Assign(values);

        using TensorScope scope = new();
        NonFiniteFinding? found = NonFiniteProbe.Find(model, TinyVit.Pixels());
        Assert.NotNull(found);
        Assert.Equal(layer, found.Layer);
        Assert.Equal([weight], found.Weights);
    }

    [Fact]
    public void A_training_pass_is_looked_at_too_and_leaves_the_statistics_as_they_were()
    {
        using VisionTransformer model = Model();
        Parameter mean = model.Head!.Norm!.RunningMean;
        float[] before = mean.ToArray();
        model.Blocks[1].Norm2.Bias.Assign([.. Enumerable.Repeat(float.NaN, 24)]);
        using TensorScope scope = new();
        NonFiniteFinding? found = NonFiniteProbe.Find(model, TinyVit.Pixels(), new Rng(3));
        Assert.Equal(("block_1", "blocks.1.norm2.bias"), (found?.Layer, Assert.Single(found!.Weights)));
        Assert.Equal(before, mean.ToArray());
        Assert.Equal(0, model.Head.Norm.Batches.Item());
    }

    [Fact]
    public void Pixels_come_first_and_a_sound_model_has_no_finding()
    {
        using VisionTransformer model = Model();
        using TensorScope scope = new();
        Assert.Null(NonFiniteProbe.Find(model, TinyVit.Pixels()));
        Assert.Null(NonFiniteProbe.Find(model, TinyVit.Pixels(), new Rng(3)));
        Tensor pixels = TinyVit.Pixels();
        pixels.Span[700] = float.NaN;
        Assert.Equal(NonFiniteProbe.Input, NonFiniteProbe.Find(model, pixels)?.Layer);
    }

    [Fact]
    public void Values_that_arise_in_the_arithmetic_have_no_weight_to_blame()
    {
        using VisionTransformer model = Model();
        model.Blocks[1].Mlp.Fc1.Bias!.Assign([.. Enumerable.Repeat(10f, 48)]);
        model.Blocks[1].Mlp.Fc2.Weight.Assign([.. Enumerable.Repeat(3e38f, 24 * 48)]);
        using TensorScope scope = new();
        NonFiniteFinding? found = NonFiniteProbe.Find(model, TinyVit.Pixels());
        Assert.Equal("block_1", found?.Layer);
        Assert.Empty(found!.Weights);
    }

    private static VisionTransformer Model()
    {
        VisionTransformer model = TinyVit.Create();
        new AdaptFormerTuning(4).Attach(model, TinyVit.Classes, new Rng(0));
        return model;
    }
}
