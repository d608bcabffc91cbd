using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Layers;

/// <summary>Distributions of starting values: bounds and deviations from the published formulas, over enough draws that an error of some per cent shows.</summary>
public sealed class InitializersTests
{
    [Fact]
    public void Kaiming_uniform_fills_plus_and_minus_one_over_the_root_of_fan_in()
    {
        float[] values = Initializers.KaimingUniform(new Rng(1), 64, 400).ToArray();       // fan in 400: bound 0.05
        AssertUniform(values, 0.05);
        AssertUniform(Initializers.KaimingUniform(new Rng(2), 64, 16, 5, 5).ToArray(), 0.05);
    }

    [Fact]
    public void Kaiming_normal_has_the_deviation_root_of_two_over_fan_in() =>
        AssertNormal(Initializers.KaimingNormal(new Rng(3), 64, 800).ToArray(), 0.05);

    [Fact]
    public void Xavier_uniform_s_bound_counts_both_fans()
    {
        AssertUniform(Initializers.XavierUniform(new Rng(4), 500, 100).ToArray(), 0.1);                // √(6 / 600)
        AssertUniform(Initializers.XavierUniform(new Rng(5), 6, 60, 9).ToArray(), Math.Sqrt(6.0 / (540 + 54)));
    }

    [Fact]
    public void Truncated_normal_is_cut_at_two_not_at_two_deviations()
    {
        AssertNormal(Initializers.TruncatedNormal(new Rng(6), 0.01, 64, 500).ToArray(), 0.01);
        float[] wide = Initializers.TruncatedNormal(new Rng(7), 2, 100, 100).ToArray();
        Assert.InRange(wide.Max(MathF.Abs), 1.9, 2);
        Assert.Contains(Initializers.TruncatedNormal(new Rng(8), 0.5, 100, 100).ToArray(), value => MathF.Abs(value) > 1.2);
    }

    [Fact]
    public void A_head_starts_with_deviation_one_hundredth_and_no_bias()
    {
        Head head = new(HeadKind.Plain, 600, 100, new Rng(9));
        AssertNormal(head.Weight.ToArray(), 0.01);
        Assert.All(head.Bias.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Every_method_s_matrices_start_as_their_authors_code_says()
    {
        // EmbedDim 24 throughout: ±1/√24 for what reads tokens; what writes them starts at zero.
        const double Down = 0.20412;
        AssertUniform(Started(new AdaptFormerTuning(Bottleneck: 64), "adaptmlp.down_proj.weight"), Down);
        AssertNormal(Started(new AdaptFormerTuning(Bottleneck: 64, Init: AdapterInit.KaimingNormal), "adaptmlp.down_proj.weight"), Math.Sqrt(2.0 / 24));
        AssertUniform(Started(new LoraTuning(Rank: 64, Alpha: 64), "lora.a"), Down);
        AssertUniform(Started(new HoulsbyTuning(Bottleneck: 64), "adapter_attn.down_proj.weight"), Down);
        foreach ((Tuning tuning, string name) in ((Tuning, string)[])
                 [
                     (new AdaptFormerTuning(Bottleneck: 8), "adaptmlp.up_proj.weight"), (new LoraTuning(), "lora.b"),
                     (new HoulsbyTuning(Bottleneck: 8), "adapter_ffn.up_proj.weight"),
                 ])
        {
            Assert.All(Started(tuning, name), value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void Prompts_start_as_xavier_uniform_and_every_block_has_its_own()
    {
        VitConfig config = TinyVit.Config with { EmbedDim = 96 };
        using VisionTransformer model = TinyVit.Create(config);
        new VptTuning(NumPrompts: 50).Attach(model, 3, new Rng(1));
        float[][] prompts = [.. model.TrainableParameters()
            .Where(entry => entry.Key.StartsWith("embeddings.", StringComparison.Ordinal)).Select(entry => entry.Value.ToArray())];
        Assert.Equal(config.Depth, prompts.Length);
        Assert.All(prompts, values => AssertUniform(values, Math.Sqrt(6.0 / ((50 * 96) + 96))));     // torch: fan in P·C, fan out C of [1, P, C]
        for (int i = 1; i < prompts.Length; i++) Assert.NotEqual(prompts[i - 1], prompts[i]);
    }

    [Theory]
    [InlineData(1, new[] { 0.4f })]
    [InlineData(2, new[] { 0f, 0.4f })]
    [InlineData(5, new[] { 0f, 0.1f, 0.2f, 0.3f, 0.4f })]
    public void Stochastic_depth_rises_linearly_from_none_to_all_of_it(int depth, float[] expected) =>
        Assert.Equal(expected, Enumerable.Range(0, depth).Select(i => MathF.Round(BlockList.DropPath(0.4f, i, depth), 6)));

    private static float[] Started(Tuning tuning, string ending)
    {
        using VisionTransformer model = TinyVit.Create(TinyVit.Config with { Depth = 4 });
        tuning.Attach(model, 3, new Rng(1));
        float[] values = [.. model.TrainableParameters()
            .Where(entry => entry.Key.EndsWith(ending, StringComparison.Ordinal)).SelectMany(entry => entry.Value.ToArray())];
        Assert.NotEmpty(values);
        return values;
    }

    private static void AssertUniform(float[] values, double bound)
    {
        Assert.True(values.Length > 2000);
        Assert.InRange(values.Max(MathF.Abs), bound * 0.99, bound * 1.00001);
        Assert.InRange(Deviation(values), bound / Math.Sqrt(3) * 0.97, bound / Math.Sqrt(3) * 1.03);
    }

    private static void AssertNormal(float[] values, double deviation)
    {
        Assert.True(values.Length > 2000);
        Assert.InRange(Deviation(values), deviation * 0.97, deviation * 1.03);
        Assert.InRange(values.Count(value => MathF.Abs(value) > deviation) / (double)values.Length, 0.29, 0.345);      // 31.7 %
    }

    private static double Deviation(float[] values) => Math.Sqrt(values.Average(value => (double)value * value));
}
