using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Training.Optimizers;
using Xunit;

namespace AdaptFormer.Tests.Training.Optimizers;

public sealed class TrainingFeatureTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(1037)]
    public void The_norm_of_all_gradients_is_bounded(int count)
    {
        using TensorScope scope = new();
        Rng rng = new(count);
        float[] before = [.. Enumerable.Range(0, count).Select(_ => (float)rng.NextNormal())];
        Tensor gradients = Tensor.From(before, new Shape(count));
        double norm = Math.Sqrt(before.Sum(g => (double)g * g));
        Assert.Equal(norm, GradientNorm.Of(gradients), 1e-6 * norm);
        GradientNorm.Clip(gradients, 2 * norm);
        Assert.Equal(before, gradients.ToArray());
        GradientNorm.Clip(gradients, norm / 4);
        Assert.Equal(norm / 4, GradientNorm.Of(gradients), 4);
        Assert.All(gradients.ToArray().Zip(before), pair => Assert.True(Math.Abs(pair.First - (pair.Second / 4)) <= 1e-5));
    }

    [Fact]
    public void What_is_not_finite_is_not_hidden_by_clipping()
    {
        using TensorScope scope = new();
        Tensor gradients = Tensor.From([1, float.NaN, 2], new Shape(3));
        GradientNorm.Clip(gradients, 1);
        Assert.Contains(gradients.ToArray(), float.IsNaN);
    }

    [Fact]
    public void The_average_forgets_its_start_and_swaps_with_the_values()
    {
        Parameter weight = Parameter.Full(new Shape(19), 1), statistic = Parameter.Full(new Shape(2), 5);
        weight.Trainable = true;
        using FlatParameters flat = new([new("w", weight)]);
        using ParameterAverage average = new(flat, [new("s", statistic)], 0.5);
        double expected = 1, buffer = 5;
        for (int step = 1; step <= 5; step++)
        {
            new FillCall(flat.Values, step).Run();
            statistic.Assign([step, step]);
            average.Update();
            double decay = Math.Min(0.5, (1.0 + step) / (10 + step));
            expected = (decay * expected) + ((1 - decay) * step);
            buffer = (decay * buffer) + ((1 - decay) * step);
        }

        average.Swap();
        Assert.All(weight.ToArray(), value => Assert.Equal(expected, value, 5));
        Assert.All(statistic.ToArray(), value => Assert.Equal(buffer, value, 5));
        average.Swap();
        Assert.All(weight.ToArray(), value => Assert.Equal(5, value));
        Assert.All(statistic.ToArray(), value => Assert.Equal(5, value));
    }

    [Fact]
    public void Rates_fall_from_the_head_to_the_patches()
    {
        using VisionTransformer model = new("tiny", new VitConfig(16, 16, 8, EmbedDim: 16, Depth: 3, NumHeads: 2, MlpRatio: 2));
        new FullTuning().Attach(model, 4, new Rng(0));
        Func<string, Parameter, double> scale = LayerDecay.For(model, 0.5);
        Dictionary<string, double> of = model.TrainableParameters().ToDictionary(entry => entry.Key, entry => scale(entry.Key, entry.Value));
        Assert.All(of.Where(entry => entry.Key.StartsWith("head.", StringComparison.Ordinal)), entry => Assert.Equal(1, entry.Value));
        Assert.All(of.Where(entry => entry.Key.StartsWith("blocks.2.", StringComparison.Ordinal)), entry => Assert.Equal(0.5, entry.Value));
        Assert.All(of.Where(entry => entry.Key.StartsWith("blocks.0.", StringComparison.Ordinal)), entry => Assert.Equal(0.125, entry.Value));
        Assert.Equal((0.0625, 0.0625, 0.0625), (of["cls_token"], of["pos_embed"], of["patch_embed.proj.weight"]));
    }

    [Fact]
    public void A_segment_s_factor_scales_its_rate()
    {
        SgdOptions options = new(Momentum: 0);
        Optimizer optimizer = options.Create([new ParameterSegment("a", 0, 2, 2), new ParameterSegment("b", 2, 2, 2, LrScale: 0.25)]);
        using TensorScope scope = new();
        Tensor values = Tensor.Zeros(4);
        optimizer.Step(values, Tensor.Full(values.Shape, 1), 0.5);
        Assert.Equal([-0.5f, -0.5f, -0.125f, -0.125f], values.ToArray());
    }
}
