using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>
/// IA³, arXiv:2205.05638: learned factors on the keys, on the values, and behind the nonlinearity of the feed-forward layer.
/// </summary>
/// <param name="Layers">Which blocks, counted from 1: <c>all</c>, <c>7-12</c>, <c>1,3,5-8</c>.</param>
/// <param name="Head">The classifier's form.</param>
/// <remarks>All factors start at 1, as in the paper, so that a fresh method changes nothing.</remarks>
public sealed record Ia3Tuning(string Layers = "all", HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula =>
        "k = l_k∘(W_k·x + b_k), v = l_v∘(W_v·x + b_v), MLP(x) = W₂·(l_ff∘f(W₁·x + b₁)) + b₂";

    /// <inheritdoc/>
    public override void Validate(Backbone model)
    {
        if (LayerRange.Fault(Layers, model.Blocks.Count) is { } fault) throw new ArgumentException($"IA³: {fault}.");
    }

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        foreach (int i in LayerRange.Parse(Layers, model.Blocks.Count))
        {
            Block block = model.Blocks[i];
            block.Attn.Qkv.After.Fill("ia3", new Factors(untouched: block.Dim, 2 * block.Dim)).Unfreeze();
            block.Mlp.Inner.Fill("ia3", new Factors(untouched: 0, block.MlpHidden)).Unfreeze();
        }
    }

    /// <inheritdoc/>
    protected override void Fold(Backbone model, MergedWeights merged)
    {
        foreach (Block block in model.Blocks)
        {
            if (block.Attn.Qkv.After.Attached is Factors keysAndValues)
            {
                merged.Change(block.Attn.Qkv.Weight, keysAndValues.ScaleRows);
                if (block.Attn.Qkv.Bias is { } bias) merged.Change(bias, keysAndValues.ScaleRows);
                if (block.Attn is SelfAttention { VBias: { } values }) merged.Change(values, keysAndValues.ScaleLast);
                merged.TakeOut(block.Attn.Qkv.After);
            }

            if (block.Mlp.Inner.Attached is not Factors hidden) continue;
            merged.Change(block.Mlp.Fc2.Weight, hidden.ScaleColumns);
            merged.TakeOut(block.Mlp.Inner);
        }
    }

    /// <summary>One factor for each feature; the first ones, the queries, may have none.</summary>
    private sealed class Factors : Layer
    {
        private readonly Parameter _scale;
        private readonly int _untouched;

        public Factors(int untouched, int features)
        {
            _untouched = untouched;
            _scale = Add("scale", Parameter.Full(new Shape(features), 1));
        }

        public override Tensor Forward(Tensor x)
        {
            if (_untouched == 0) return x.ScaleFeatures(_scale);
            Tensor ones = Tensor.Full(new Shape(_untouched), 1);
            x.Tape?.Watch(ones);       // parameters belong to no pass, their joining does
            return x.ScaleFeatures(BatchOps.ConcatBatch([ones, _scale]));
        }

        /// <summary>Each factor times its row of W, or its number of b.</summary>
        public void ScaleRows(float[] numbers) => ScaleRows(numbers, numbers.Length / (_untouched + (int)_scale.Length), _untouched);

        /// <summary>The last factors times as many numbers.</summary>
        public void ScaleLast(float[] numbers) => ScaleRows(numbers, 1, numbers.Length - (int)_scale.Length);

        /// <summary>Each factor times its column of W.</summary>
        public void ScaleColumns(float[] numbers)
        {
            float[] scale = _scale.ToArray();
            for (int i = 0; i < numbers.Length; i++) numbers[i] *= scale[i % scale.Length];
        }

        /// <summary>Factor i times row i + first, where there is one.</summary>
        private void ScaleRows(float[] numbers, int row, int first)
        {
            float[] scale = _scale.ToArray();
            for (int i = Math.Max(0, first) * row; i < numbers.Length; i++) numbers[i] *= scale[(i / row) - first];
        }
    }
}
