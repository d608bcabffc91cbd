using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Multi-head self-attention inside (shifted) windows with relative position biases (Swin eq. 4).</summary>
public sealed class WindowAttention : Attention
{
    private readonly int _heads;

    /// <summary>Attention over C features of the tokens of one window each.</summary>
    /// <param name="dim">C.</param>
    /// <param name="heads">h; divides C.</param>
    /// <param name="windows">How the grid of tokens is cut.</param>
    /// <param name="qkvBias">Whether the fused projection has a bias.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    public WindowAttention(int dim, int heads, WindowLayout windows, bool qkvBias, DataType compute)
        : base(dim, qkvBias, compute)
    {
        (_heads, Windows) = (heads, windows);
        RelativePositionBias = Add("relative_position_bias_table", Parameter.Zeros(windows.TableRows, heads));
    }

    /// <summary>How the grid of tokens is cut.</summary>
    public WindowLayout Windows { get; }

    /// <summary>One bias for each relative position in a window and each head, [rows, h].</summary>
    public Parameter RelativePositionBias { get; }

    /// <inheritdoc/>
    public override bool TakesQueries => false;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Slots slots, Tensor? residual = null, LayerScale? gamma = null, int? readout = null)
    {
        if (Windows.Pads && slots.Differ(Qkv)) return slots.ByTask(x, residual, (part, rest, own) => Forward(part, own, rest, gamma));
        Tensor answers = Qkv.Forward(x, slots).WindowAttention(_heads, Windows, RelativePositionBias, Padding(x, slots));
        return Proj.Forward(answers, slots, residual, gamma: gamma);
    }

    /// <inheritdoc/>
    public override Tensor Probabilities(Tensor x, Slots slots) =>
        Qkv.Forward(x, slots).WindowAttentionProbabilities(_heads, Windows, RelativePositionBias, Padding(x, slots));

    /// <summary>
    /// What a token of zeros becomes: the authors pad behind the norm and ahead of the projection. A task's own where it tunes that.
    /// </summary>
    private Tensor? Padding(Tensor x, Slots slots)
    {
        if (!Windows.Pads) return null;
        Tensor nothing = Tensor.Zeros(1, Dim);
        x.Tape?.Watch(nothing);
        return Qkv.Forward(nothing, slots);
    }
}
