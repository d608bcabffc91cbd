using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>Visual prompt tuning, arXiv:2203.12119: learned tokens ahead of the image's own.</summary>
/// <param name="NumPrompts">P, tokens for each block (deep) or in all (shallow), at least 1. The AdaptFormer paper compares with 1.</param>
/// <param name="Deep">
/// New prompts ahead of every block, taken out after it; otherwise prompts ahead of the first block only, which stay.
/// </param>
/// <param name="Head">The classifier's form.</param>
/// <remarks>Prompts stand before the class token, as in the AdaptFormer authors' code.</remarks>
public sealed record VptTuning(int NumPrompts = 1, bool Deep = true, HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override int? Width => NumPrompts;

    /// <inheritdoc/>
    public override string Formula => Deep
        ? $"block i reads [P_i; x], P_i: {NumPrompts} learned token{(NumPrompts == 1 ? "" : "s")} of its own, dropped after it"
        : $"the first block reads [P; x], P: {NumPrompts} learned token{(NumPrompts == 1 ? "" : "s")} that stay in the sequence";

    /// <inheritdoc/>
    public override string NothingToMerge => "prompts are tokens that every input is read with, not weights";

    /// <inheritdoc/>
    public override void Validate(Backbone model)
    {
        if (!model.TakesPrompts)
            throw new ArgumentException(
                $"VPT: {model.Id} takes no prompts, because its attention looks at windows of a grid; choose another method.");
        if (NumPrompts < 1) throw new ArgumentException($"VPT: tuning.num_prompts is {NumPrompts}, expected at least 1.");
    }

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        model.Prompts.Fill("embeddings", new Prompts(this, model.Blocks.Count, model.Blocks[0].Dim, rng)).Unfreeze();
    }

    private sealed class Prompts : TokenPrompts
    {
        private readonly VptTuning _options;
        private readonly int _depth;
        private readonly Parameter[] _embeddings;

        public Prompts(VptTuning options, int depth, int dim, Rng rng)
        {
            (_options, _depth) = (options, depth);
            _embeddings = new Parameter[options.Deep ? depth : 1];
            for (int i = 0; i < _embeddings.Length; i++)
                _embeddings[i] = Add($"{i}", Initializers.XavierUniform(rng.Derive(i), 1, options.NumPrompts, dim));
        }

        public override (int Count, bool Stay) Layout => (_options.NumPrompts, !_options.Deep);

        public override Tensor Enter(int block, Tensor x) =>
            _options.Deep || block == 0 ? x.PrependTokens(_embeddings[block]) : x;

        public override Tensor Leave(int block, Tensor x) =>
            _options.Deep || block == _depth - 1 ? x.SliceTokens(_options.NumPrompts, x.Shape[1] - _options.NumPrompts) : x;
    }
}
