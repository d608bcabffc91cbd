using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>
/// The AdaptFormer bottleneck beside (or after) a branch, Δ(x) = s·(W_up·f(W_down·x + b_down) + b_up), paper eq. (3). Its names are the
/// authors': <c>adaptmlp.down_proj</c>, <c>up_proj</c>, <c>scale</c>, <c>adapter_layer_norm_before</c>; the convolutions, which their code
/// does not have, are <c>down_conv</c> and <c>dwconv</c>.
/// </summary>
public sealed class Adapter : BranchDelta
{
    private readonly AdaptFormerTuning _options;
    private readonly DataType _compute;
    private readonly TokenGrid _grid;
    private readonly Linear? _down;
    private readonly Linear _up;
    private readonly Kernel3x3? _convolution;
    private readonly LayerNorm? _norm;
    private readonly Parameter? _scale;

    /// <summary>An adapter for a block of C features; Δ = 0 at the start.</summary>
    /// <param name="block">The block: its C, its grid of tokens, and the type of its products' inputs.</param>
    /// <param name="options">Every choice of the formula.</param>
    /// <param name="rng">Starting values of the way down.</param>
    public Adapter(Block block, AdaptFormerTuning options, Rng rng)
    {
        (_options, _compute, _grid) = (options, block.Compute, block.Grid);
        (int c, int m) = (block.Dim, options.Bottleneck);
        if (options.Input is AdapterInput.OwnNormIn or AdapterInput.OwnNormOut)
            _norm = Add("adapter_layer_norm_before", new LayerNorm(c, AdaptFormerTuning.NormEps));
        if (options.LearnScale) _scale = Add("scale", Parameter.Full(new Shape(1), options.Scale));
        if (options.Form == AdapterForm.Conv) _convolution = Add("down_conv", new Kernel3x3(Start(rng, m, c, 3, 3), Bias(m)));
        else _down = Add("down_proj", new Linear(Start(rng, m, c), Bias(m), _compute));
        if (options.Form == AdapterForm.Dwconv) _convolution = Add("dwconv", new Kernel3x3(Start(rng.Derive(1), m, 1, 3, 3), Bias(m)));
        _up = Add("up_proj", new Linear(Parameter.Zeros(c, m), Bias(c), _compute));
    }

    /// <inheritdoc/>
    public override bool ReadsAllTokens => _convolution is not null;

    /// <inheritdoc/>
    public override Tensor Apply(Tensor x, Tensor normed, Branch branch)
    {
        if (_options.Position == AdapterPosition.Parallel)      // y = x + MLP(LN(x)) + Δ(x)
        {
            if (x.Tape is null && Beside is { } bottleneck) return branch.Forward(normed, x.AddBottleneck(bottleneck).Give());
            Tensor h = Hidden(_options.Input == AdapterInput.SharedNorm ? normed : x);
            return AddDelta(branch.Forward(normed, x), h);
        }

        Tensor f = branch.Forward(normed);                      // y = x + f + Δ(f)
        f = f.Type == DataType.Float32 ? f : f.Cast(DataType.Float32);
        return x + (IsPlain && f.Tape is null ? f.Give().AddBottleneck(Bottleneck) : AddDelta(f, Hidden(f)));   // f = MLP(LN(x))
    }

    /// <inheritdoc/>
    public override Bottleneck? Beside =>
        IsPlain && _options is { Position: AdapterPosition.Parallel, Input: AdapterInput.Residual } ? Bottleneck : null;

    private Bottleneck Bottleneck =>
        new(_down!.Weight, _down.Bias, _up.Weight, _up.Bias, Activation, _options.Scale, _compute);

    /// <summary>Whether Δ is two linear maps, a nonlinearity and a constant factor, and nothing else.</summary>
    private bool IsPlain =>
        _convolution is null && _norm is null && _scale is null && _down!.Seams.Concat(_up.Seams).All(seam => seam.Content is null);

    private Epilogue Activation => _options.Activation switch
    {
        AdapterActivation.Relu => Epilogue.Relu,
        AdapterActivation.Gelu => Epilogue.Gelu,
        _ => Epilogue.None,
    };

    /// <summary>f(W_down·x + b_down), [B, N, M].</summary>
    private Tensor Hidden(Tensor x)
    {
        Tensor h = Down(_options.Input == AdapterInput.OwnNormIn ? _norm!.Forward(x) : x);
        return (_options.Activation == AdapterActivation.Relu ? h.Give() : h).Dropout(_options.Dropout);
    }

    /// <summary>y + Δ, of its hidden features h.</summary>
    private Tensor AddDelta(Tensor y, Tensor h)
    {
        if (_norm is null || _options.Input == AdapterInput.OwnNormIn)
        {
            if (_scale is null) return _up.Forward(h, Slots.Attached, y.Give(), _options.Scale);       // y + s·W_up·h
            return y + Up(h).ScaleBy(_scale);
        }

        Tensor delta = _scale is null ? Up(h).Scale(_options.Scale) : Up(h).ScaleBy(_scale);
        return y + _norm.Forward(delta);                                                  // the authors normalise after the scale
    }

    /// <summary>f(W_down·x + b_down), or a convolution's.</summary>
    private Tensor Down(Tensor x)
    {
        if (_convolution is not null)
        {
            Tensor h = _down is null
                ? x.GridConv(_convolution.Weight, _convolution.Bias, _grid, _compute)
                : x.Linear(_down.Weight, _down.Bias, _compute, output: DataType.Float32)
                    .DepthwiseConv(_convolution.Weight, _convolution.Bias, _grid);
            return _options.Activation switch { AdapterActivation.Relu => h.Relu(), AdapterActivation.Gelu => h.Gelu(), _ => h };
        }

        return _options.Activation switch
        {
            AdapterActivation.Relu => _down!.ForwardRelu(x, Slots.Attached),
            AdapterActivation.Gelu => _down!.ForwardGelu(x, Slots.Attached),
            _ => _down!.Forward(x),
        };
    }

    private Tensor Up(Tensor h) => h.Linear(_up.Weight, _up.Bias, _compute, output: DataType.Float32);

    private Parameter Start(Rng rng, params ReadOnlySpan<int> dims) =>
        _options.Init == AdapterInit.Lora ? Initializers.KaimingUniform(rng, dims) : Initializers.KaimingNormal(rng, dims);

    private Parameter? Bias(int count) => _options.Bias ? Parameter.Zeros(count) : null;

    /// <summary>The numbers of a 3×3 convolution; the adapter runs it.</summary>
    private sealed class Kernel3x3 : Module
    {
        public Kernel3x3(Parameter weight, Parameter? bias)
        {
            Weight = Add("weight", weight);
            Bias = bias is null ? null : Add("bias", bias);
        }

        public Parameter Weight { get; }

        public Parameter? Bias { get; }
    }
}
