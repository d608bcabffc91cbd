using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>
/// SSF, arXiv:2210.08823: a learned factor and offset for each feature behind the patch embedding, every norm, and every linear layer of
/// the blocks.
/// </summary>
/// <param name="Head">The classifier's form.</param>
/// <remarks>
/// Follows the authors' code in where they stand. The norm that trains together with the head, where there is one, needs none. The paper
/// draws starting values around 1 and 0; here they are 1 and 0, so that a fresh method changes nothing. What the backward pass reads is the
/// output of every one of these layers: the price of this method is memory.
/// </remarks>
public sealed record SsfTuning(HeadKind Head = HeadKind.BatchNorm) : Tuning(Head)
{
    /// <inheritdoc/>
    public override string Formula => "y = γ∘f(x) + β behind the patch embedding, every norm and every linear layer f";

    /// <inheritdoc/>
    protected override void AddTo(Backbone model, Rng rng)
    {
        HashSet<Module> trained = [.. model.HeadNorms];
        HashSet<Linear> linears = [.. model.Blocks.SelectMany(block => block.Modules()).OfType<Linear>()];
        foreach (Module module in model.Modules().ToList())
        {
            if (trained.Contains(module) || (module is Linear linear && !linears.Contains(linear))) continue;
            if (Behind(module) is var (seam, weight, _)) seam.Fill("ssf", new ScaleAndShift(weight.Shape[0])).Unfreeze();
        }
    }

    /// <inheritdoc/>
    protected override void Fold(Backbone model, MergedWeights merged)
    {
        foreach (SelfAttention attention in model.Modules().OfType<SelfAttention>()) FoldQueryValue(attention, merged);
        foreach (Module module in model.Modules().ToList())
        {
            if (Behind(module) is not var (seam, weight, bias) || seam.Attached is not ScaleAndShift factors) continue;
            string name = module switch { PatchEmbed => "the patch embedding", LayerNorm => "a norm", _ => "a linear layer" };
            factors.FoldInto(weight, bias, merged, name);
            merged.TakeOut(seam);
        }
    }

    /// <summary>The seam behind a layer, and what could take its factors up; null where there is none.</summary>
    private static (Seam<Layer> Seam, Parameter Weight, Parameter? Bias)? Behind(Module module) => module switch
    {
        PatchEmbed embed => (embed.After, embed.Weight, embed.Bias),
        LayerNorm norm => (norm.After, norm.Weight, norm.Bias),
        Linear linear => (linear.After, linear.Weight, linear.Bias),
        _ => null,
    };

    /// <summary>
    /// VideoMAE's biases stand beside the projection. Keys have none and need none: the same offset on all keys changes no attention.
    /// </summary>
    private static void FoldQueryValue(SelfAttention attention, MergedWeights merged)
    {
        if (attention is not { QBias: { } q, VBias: { } v, Qkv.After: { Attached: ScaleAndShift factors } seam }) return;
        factors.FoldInto(attention.Qkv.Weight, null, merged, null);
        factors.FoldBias(q, 0, merged);
        factors.FoldBias(v, 2 * attention.Dim, merged);
        merged.TakeOut(seam);
    }

    private sealed class ScaleAndShift : Layer
    {
        private readonly Parameter _gamma, _beta;

        public ScaleAndShift(int features)
        {
            _gamma = Add("scale", Parameter.Full(new Shape(features), 1));
            _beta = Add("shift", Parameter.Zeros(features));
        }

        public override Tensor Forward(Tensor x) => x.ScaleFeatures(_gamma, _beta);

        /// <summary>W' = γ∘W by row, b' = γ∘b + β.</summary>
        /// <param name="weight">One row, or one number, for each feature.</param>
        /// <param name="bias">The layer's bias.</param>
        /// <param name="merged">Remembers both.</param>
        /// <param name="layer">What has no bias, for the message; null when β finds a place elsewhere.</param>
        public void FoldInto(Parameter weight, Parameter? bias, MergedWeights merged, string? layer)
        {
            if (bias is null && layer is not null && _beta.ToArray().AsSpan().ContainsAnyExcept(0f))
                throw new ArgumentException(
                    $"ssf cannot be merged into this backbone: {layer} has no bias that could take up the learned shift.");
            float[] gamma = _gamma.ToArray();
            merged.Change(weight, numbers =>
            {
                int row = numbers.Length / gamma.Length;
                for (int i = 0; i < numbers.Length; i++) numbers[i] *= gamma[i / row];
            });
            if (bias is not null) FoldBias(bias, 0, merged);
        }

        /// <summary>b' = γ∘b + β, for the features from <paramref name="first"/> on.</summary>
        public void FoldBias(Parameter bias, int first, MergedWeights merged)
        {
            float[] gamma = _gamma.ToArray(), beta = _beta.ToArray();
            merged.Change(bias, numbers =>
            {
                for (int i = 0; i < numbers.Length; i++) numbers[i] = (gamma[first + i] * numbers[i]) + beta[first + i];
            });
        }
    }
}
