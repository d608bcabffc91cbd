using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>
/// The AdaptFormer bottleneck beside (or after) a feed-forward branch, Δ(x) = s·(W_up·f(W_down·x + b_down) + b_up), paper eq. (3).
/// Its names are the authors': <c>adaptmlp.down_proj</c>, <c>up_proj</c>, <c>scale</c>, <c>adapter_layer_norm_before</c>.
/// </summary>
public sealed class Adapter : BranchDelta
{
    private readonly AdaptFormerTuning _options;
    private readonly DataType _compute;
    private readonly Linear _down, _up;
    private readonly LayerNorm? _norm;
    private readonly Parameter? _scale;

    /// <summary>An adapter for a block of C features; Δ = 0 at the start.</summary>
    /// <param name="dim">C.</param>
    /// <param name="options">Every choice of the formula.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    /// <param name="rng">Starting values of the down-projection.</param>
    public Adapter(int dim, AdaptFormerTuning options, DataType compute, Rng rng)
    {
        (_options, _compute) = (options, compute);
        int m = options.Bottleneck;
        if (options.Input is AdapterInput.OwnNormIn or AdapterInput.OwnNormOut)
            _norm = Add("adapter_layer_norm_before", new LayerNorm(dim, AdaptFormerTuning.NormEps));
        if (options.LearnScale) _scale = Add("scale", Parameter.Full(new Shape(1), options.Scale));
        Parameter down = options.Init == AdapterInit.Lora ? Initializers.KaimingUniform(rng, m, dim) : Initializers.KaimingNormal(rng, m, dim);
        _down = Add("down_proj", new Linear(down, options.Bias ? Parameter.Zeros(m) : null, compute));
        _up = Add("up_proj", new Linear(Parameter.Zeros(dim, m), options.Bias ? Parameter.Zeros(dim) : null, compute));
    }

    /// <inheritdoc/>
    public override Tensor Apply(Tensor x, Tensor normed, Branch branch)
    {
        if (_options.Position == AdapterPosition.Parallel)
        {
            Tensor input = _options.Input == AdapterInput.SharedNorm ? normed : x;
            return AddDelta(branch(normed, x), input);       // y = x + MLP(LN(x)) + Δ(x)
        }

        Tensor f = branch(normed, null);
        f = f.Type == DataType.Float32 ? f : f.Cast(DataType.Float32);
        return x + AddDelta(f, f);                           // y = x + f + Δ(f), f = MLP(LN(x))
    }

    /// <summary>y + Δ(x).</summary>
    private Tensor AddDelta(Tensor y, Tensor x)
    {
        Tensor input = _options.Input == AdapterInput.OwnNormIn ? _norm!.Forward(x) : x;
        Tensor h = Activate(input).Dropout(_options.Dropout);                             // [B, N, M]
        if (_norm is null || _options.Input == AdapterInput.OwnNormIn)
        {
            if (_scale is null) return _up.Forward(h, residual: y, _options.Scale, intoResidual: y != x);       // y + s·W_up·h
            return y + Up(h).ScaleBy(_scale);
        }

        Tensor delta = _scale is null ? Up(h).Scale(_options.Scale) : Up(h).ScaleBy(_scale);
        return y + _norm.Forward(delta);                                                  // the authors normalise after the scale
    }

    private Tensor Activate(Tensor x) => _options.Activation switch
    {
        AdapterActivation.Relu => _down.ForwardRelu(x),
        AdapterActivation.Gelu => _down.ForwardGelu(x),
        _ => _down.Forward(x),
    };

    private Tensor Up(Tensor h) => h.Linear(_up.Weight, _up.Bias, _compute, output: DataType.Float32);
}
