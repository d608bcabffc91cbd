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
    public override Tensor Forward(Tensor x, Tensor? residual, int? queries = null) =>
        Proj.Forward(Qkv.Forward(x).WindowAttention(_heads, Windows, RelativePositionBias, Padding(x)), residual);

    /// <inheritdoc/>
    public override Tensor Probabilities(Tensor x) => Qkv.Forward(x).WindowAttentionProbabilities(_heads, Windows, RelativePositionBias, Padding(x));

    /// <summary>What a token of zeros becomes: the authors pad behind the norm and ahead of the projection.</summary>
    private Tensor? Padding(Tensor x)
    {
        if (!Windows.Pads) return null;
        Tensor nothing = Tensor.Zeros(1, Dim);
        x.Tape?.Watch(nothing);
        return Qkv.Forward(nothing);
    }
}
