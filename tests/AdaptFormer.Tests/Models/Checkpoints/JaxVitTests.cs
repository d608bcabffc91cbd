using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

public sealed class JaxVitTests
{
    private static readonly VitConfig Config = new(16, 16, PatchSize: 4, EmbedDim: 24, Depth: 2, NumHeads: 4, MlpRatio: 2, PreLogits: 10);

    [Fact]
    public void Kernels_and_names_of_jax_become_timms()
    {
        using VisionTransformer model = new("tiny", Config);
        model.Initialize(new Rng(3));
        Scramble(model);
        StateDict expected = StateDict.Of(model), jax = ToJax(expected);
        Assert.True(JaxVit.Recognises(jax));
        Assert.False(JaxVit.Recognises(expected));
        StateDict timm = JaxVit.ToTimm(jax);
        Assert.Equal(expected.Weights.Keys.Order(), timm.Weights.Keys.Order());
        foreach ((string name, StateDict.Weight weight) in expected.Weights)
        {
            Assert.Equal(weight.Shape, timm.Weights[name].Shape);
            Assert.Equal(weight.ToArray(), timm.Weights[name].ToArray());
        }
    }

    [Fact]
    public void A_missing_part_is_named()
    {
        using VisionTransformer model = new("tiny", Config);
        model.Initialize(new Rng(3));
        StateDict jax = ToJax(StateDict.Of(model)).Renamed(name => name.EndsWith("_1/MultiHeadDotProductAttention_1/key/kernel", StringComparison.Ordinal) ? null : name);
        Assert.Contains("encoderblock_1/MultiHeadDotProductAttention_1/key/kernel is missing", Assert.Throws<InvalidDataException>(() => JaxVit.ToTimm(jax)).Message, StringComparison.Ordinal);
    }

    private static void Scramble(VisionTransformer model)
    {
        int seed = 0;
        foreach ((_, Parameter parameter) in model.Parameters()) parameter.Assign(GradCheck.Numbers(new Rng(++seed), (int)parameter.Length));
    }

    /// <summary>The other direction, written out index by index from the layouts of flax: the definition that the reader is held to.</summary>
    private static StateDict ToJax(StateDict timm)
    {
        const int C = 24, H = 4, D = 6, P = 4;
        StateDict jax = new();
        jax.Add("cls", timm.Weights["cls_token"]);
        jax.Add("Transformer/posembed_input/pos_embedding", timm.Weights["pos_embed"]);
        float[] patch = Values("patch_embed.proj.weight");
        Add("embedding/kernel", [P, P, 3, C], at => patch[(((((at[3] * 3) + at[2]) * P) + at[0]) * P) + at[1]]);
        jax.Add("embedding/bias", timm.Weights["patch_embed.proj.bias"]);
        jax.Add("Transformer/encoder_norm/scale", timm.Weights["norm.weight"]);
        jax.Add("Transformer/encoder_norm/bias", timm.Weights["norm.bias"]);
        Transposed("pre_logits/kernel", "pre_logits.fc.weight");
        jax.Add("pre_logits/bias", timm.Weights["pre_logits.fc.bias"]);
        for (int i = 0; i < Config.Depth; i++)
        {
            string block = $"Transformer/encoderblock_{i}", ours = $"blocks.{i}";
            foreach ((string theirs, string name) in new[] { ("LayerNorm_0", "norm1"), ("LayerNorm_2", "norm2") })
            {
                jax.Add($"{block}/{theirs}/scale", timm.Weights[$"{ours}.{name}.weight"]);
                jax.Add($"{block}/{theirs}/bias", timm.Weights[$"{ours}.{name}.bias"]);
            }

            foreach ((string theirs, string name) in new[] { ("Dense_0", "fc1"), ("Dense_1", "fc2") })
            {
                Transposed($"{block}/MlpBlock_3/{theirs}/kernel", $"{ours}.mlp.{name}.weight");
                jax.Add($"{block}/MlpBlock_3/{theirs}/bias", timm.Weights[$"{ours}.mlp.{name}.bias"]);
            }

            float[] qkv = Values($"{ours}.attn.qkv.weight"), bias = Values($"{ours}.attn.qkv.bias"), proj = Values($"{ours}.attn.proj.weight");
            string attention = $"{block}/MultiHeadDotProductAttention_1";
            foreach ((string which, int part) in new[] { ("query", 0), ("key", 1), ("value", 2) })
            {
                Add($"{attention}/{which}/kernel", [C, H, D], at => qkv[(((part * C) + (at[1] * D) + at[2]) * C) + at[0]]);
                Add($"{attention}/{which}/bias", [H, D], at => bias[(part * C) + (at[0] * D) + at[1]]);
            }

            Add($"{attention}/out/kernel", [H, D, C], at => proj[(at[2] * C) + (at[0] * D) + at[1]]);
            jax.Add($"{attention}/out/bias", timm.Weights[$"{ours}.attn.proj.bias"]);
        }

        return jax;

        float[] Values(string name) => timm.Weights[name].ToArray();

        void Transposed(string name, string ours)
        {
            float[] values = Values(ours);
            (int rows, int columns) = (timm.Weights[ours].Shape[0], timm.Weights[ours].Shape[1]);
            Add(name, [columns, rows], at => values[(at[1] * columns) + at[0]]);
        }

        void Add(string name, int[] dims, Func<int[], float> value)
        {
            Shape shape = new(dims);
            jax.Add(name, new StateDict.Weight(shape, destination =>
            {
                int[] at = new int[dims.Length];
                for (int i = 0; i < destination.Length; i++)
                {
                    for (int axis = dims.Length - 1, rest = i; axis >= 0; rest /= dims[axis--]) at[axis] = rest % dims[axis];
                    destination[i] = value(at);
                }
            }));
        }
    }
}
