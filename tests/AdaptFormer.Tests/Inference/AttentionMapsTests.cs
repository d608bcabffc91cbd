using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Reports;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference;

/// <summary>What is shown of attention is what the model did, for every family and method.</summary>
public sealed class AttentionMapsTests
{
    public static TheoryData<string, string> Models =>
    [
        .. TinyModels.All.Keys.SelectMany(model => Tuning.Methods.Where(method => method != "vpt" || !model.Contains("Swin", StringComparison.Ordinal)).Select(method => (model, method))),
    ];

    [Theory]
    [MemberData(nameof(Models))]
    public void Looking_changes_no_answer_and_every_row_sums_to_one(string name, string method)
    {
        using Backbone model = Tuned(name, Tuning.Default(method));
        using TensorScope scope = new();
        Tensor pixels = TinyModels.Pixels(model).SliceBatch(0, 1);
        List<int> blocks = [];
        float[] answer = AttentionProbe.Run(model, pixels, block =>
        {
            blocks.Add(block.Block);
            int n = block.Probabilities.Shape[^1];
            float[] p = block.Probabilities.ToArray();
            for (int row = 0; row < p.Length / n; row++) Assert.Equal(1, p.AsSpan(row * n, n).ToArray().Sum(v => (double)v), 1e-5);
        }).ToArray();
        Assert.Equal(Enumerable.Range(0, model.Blocks.Count), blocks);
        ParityCase.AssertClose("logits", Doubles(model.Forward(pixels).ToArray()), Doubles(answer), 1e-5);

        (AttentionMaps maps, float[] again) = AttentionMaps.Of(model, pixels);
        Assert.Equal(answer, again);
        Assert.All((float[][])[.. maps.Heads, maps.Mean, .. maps.Rollout is null ? Array.Empty<float[]>() : [maps.Rollout]], map =>
        {
            Assert.Equal(maps.Grid.Count, map.Length);
            Assert.InRange(map.Sum(), 0, 1.0001f);
            Assert.All(map, share => Assert.True(share >= 0));
        });
        Assert.Equal(name.Contains("Swin", StringComparison.Ordinal), maps.Rollout is null);
        if (name == "Video ViT" && method != "vpt") Assert.Equal(1, maps.Rollout!.Sum(), 1e-4);      // all tokens are patches
    }

    [Theory]
    [InlineData("ViT", 0)]
    [InlineData("ViT, mean", 0)]
    [InlineData("Video ViT", 0)]
    [InlineData("ViT", 2)]
    [InlineData("ViT", 3)]
    public void Rollout_is_the_product_of_whole_matrices(string name, int prompts)
    {
        using Backbone model = Tuned(name, prompts == 0 ? new AdaptFormerTuning(4) : new VptTuning(prompts, Deep: prompts == 2));
        using TensorScope scope = new();
        Tensor pixels = TinyModels.Pixels(model).SliceBatch(0, 1);
        double[,]? product = null;
        bool deep = prompts == 2;
        int patches = model.Blocks[^1].Grid.Count;
        AttentionProbe.Run(model, pixels, block =>
        {
            double[,] a = Halved(block.Probabilities);
            // Fresh prompts come from nowhere: their columns lead to no patch. Those of the block before are gone: nothing comes from their rows.
            if (product is not null && deep)
            {
                for (int k = 0; k < prompts; k++)
                    for (int j = 0; j < product.GetLength(1); j++) product[k, j] = 0;
            }

            product = product is null ? a : Times(a, product);
        });
        int n = product!.GetLength(0), first = n - patches;
        double[] expected = [.. Enumerable.Range(first, patches).Select(j => model.ReadsClassToken ? product[first - 1, j] : Enumerable.Range(first, patches).Average(i => product[i, j]))];
        ParityCase.AssertClose("rollout", expected, Doubles(AttentionMaps.Of(model, pixels).Maps.Rollout!), 1e-5);
    }

    [Fact]
    public void A_head_s_map_is_its_row_for_the_class_token()
    {
        using Backbone model = Tuned("ViT", new VptTuning(2));
        using TensorScope scope = new();
        Tensor pixels = TinyModels.Pixels(model).SliceBatch(0, 1);
        float[] p = [];
        int n = 0;
        AttentionProbe.Run(model, pixels, block => (p, n) = (block.Probabilities.ToArray(), block.Probabilities.Shape[^1]));
        AttentionMaps maps = AttentionMaps.Of(model, pixels).Maps;
        Assert.Equal((2 + 1 + maps.Grid.Count, "what the class token reads"), (n, maps.Reader));
        for (int h = 0; h < maps.Heads.Count; h++) Assert.Equal(p.AsSpan((((h * n) + 2) * n) + 3, maps.Grid.Count).ToArray(), maps.Heads[h]);
        for (int k = 0; k < maps.Mean.Length; k++) Assert.Equal(maps.Heads.Average(head => head[k]), maps.Mean[k], 1e-6f);
    }

    [Fact]
    public void Windows_are_put_together_over_the_grid()
    {
        using Backbone model = Tuned("Swin", new LinearProbe());
        using TensorScope scope = new();
        Tensor pixels = TinyModels.Pixels(model).SliceBatch(0, 1);
        AttentionMaps maps = AttentionMaps.Of(model, pixels).Maps;
        Assert.Equal(new TokenGrid(1, 4, 4), maps.Grid);      // one window of 4×4 in the second stage
        float[] p = [];
        AttentionProbe.Run(model, pixels, block => p = block.Probabilities.ToArray());
        for (int j = 0; j < 16; j++) Assert.Equal(Enumerable.Range(0, 16).Average(i => p[(i * 16) + j]), maps.Heads[0][j], 1e-6f);
        Assert.Equal(1, maps.Mean.Sum(), 1e-5f);
    }

    private static Backbone Tuned(string name, Tuning tuning)
    {
        Backbone model = TinyModels.Create(name);
        tuning.Attach(model, TinyModels.Classes, new Rng(3));
        HashSet<Parameter> learned = [.. model.TrainableParameters().Select(entry => entry.Value)];
        TinyBackbone.Randomize(model, 4, parameter => model.State().First(entry => entry.Key == parameter).Value.Tensor is var tensor && learned.Contains(tensor));
        model.Freeze();
        return model;
    }

    private static double[] Doubles(float[] values) => [.. values.Select(v => (double)v)];

    // ½·A + ½·I, A the mean over heads.
    private static double[,] Halved(Tensor probabilities)
    {
        (int heads, int n, float[] p) = (probabilities.Shape[1], probabilities.Shape[^1], probabilities.ToArray());
        double[,] a = new double[n, n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) a[i, j] = (0.5 * Enumerable.Range(0, heads).Average(h => (double)p[(((h * n) + i) * n) + j])) + (i == j ? 0.5 : 0);
        return a;
    }

    private static double[,] Times(double[,] a, double[,] b)
    {
        double[,] c = new double[a.GetLength(0), b.GetLength(1)];
        for (int i = 0; i < c.GetLength(0); i++)
            for (int j = 0; j < c.GetLength(1); j++) c[i, j] = Enumerable.Range(0, a.GetLength(1)).Sum(k => a[i, k] * b[k, j]);
        return c;
    }
}
