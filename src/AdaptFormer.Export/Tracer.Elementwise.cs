using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Export;

// Norms, factors and nonlinearities.
internal sealed partial class Tracer
{
    private const int GeluOpset = 20, ReductionsByInput = 18;

    private Traced LayerNorm(LayerNormCall c)
    {
        Traced x = Value(c.X);
        int features = c.X.Shape[^1];
        return Norm(
            c.Gamma is null ? [.. Enumerable.Repeat(1f, features)] : Numbers(c.Gamma), c.Beta is null ? null : Numbers(c.Beta),
            c.Gamma is null ? "/ones" : _names.Of(c.Gamma, "/gamma"), c.Beta is null ? "/shift" : _names.Of(c.Beta, "/beta"));

        Traced Norm(float[] gamma, float[]? beta, string gammaName, string betaName)
        {
            string scope = _graph.Scope;
            return new Traced(c.Y.Shape, () =>
            {
                _graph.Scope = scope;
                string[] shift = beta is null ? [] : [_graph.Constant(betaName, beta, features)];
                return _graph.Node("LayerNormalization", [x.Name, _graph.Constant(gammaName, gamma, features), .. shift],
                    new OnnxAttribute("axis", -1L), new OnnxAttribute("epsilon", c.Eps));
            })
            {
                Rescale = (factor, shift, suffix) =>
                {
                    float[] scaled = [.. gamma.Zip(factor, (a, b) => a * b)];
                    float[]? shifted = beta is null ? shift : [.. beta.Select((value, i) => (value * factor[i]) + (shift?[i] ?? 0))];
                    return Norm(scaled, shifted, gammaName + suffix, betaName + suffix);
                },
            };
        }
    }

    private Traced NormalizeColumns(NormalizeColumnsCall c)
    {
        Traced x = Value(c.X);
        float[] rstd = Numbers(c.Rstd), shift = [.. Numbers(c.Mean).Zip(rstd, (mean, factor) => -mean * factor)];
        return new Traced(c.Y.Shape, () => Affine(x.Name, rstd, shift, "/rstd", "/shift")) { Columns = (x, rstd, shift) };
    }

    private Traced Scale(Tensor x, float factor, Tensor y)
    {
        Traced value = Value(x);
        if (value.Rescale is { } rescale) return rescale([.. Enumerable.Repeat(factor, x.Shape[^1])], null, Scaled);
        return Node(y, () => Times(value.Name, factor));
    }

    private Traced ScaleFeatures(ScaleFeaturesCall c)
    {
        Traced x = Value(c.X);
        float[] gamma = Numbers(c.Gamma);
        float[]? beta = c.Beta is null ? null : Numbers(c.Beta);
        if (!_names.IsBackbone(c.Gamma) && x.Rescale is { } rescale) return rescale(gamma, beta, "");
        return Node(c.Y, () => Affine(x.Name, gamma, beta, _names.Of(c.Gamma, "/gamma"), c.Beta is null ? "" : _names.Of(c.Beta, "/beta")));
    }

    private string Affine(string x, float[] factor, float[]? shift, string factorName, string shiftName)
    {
        string y = Op("Mul", x, _graph.Constant(factorName, factor, factor.Length));
        return shift is null ? y : Op("Add", y, _graph.Constant(shiftName, shift, shift.Length));
    }

    /// <summary>x + p for p of the shape of x's last axes.</summary>
    private Traced AddBroadcast(AddBroadcastCall c)
    {
        int first = c.X.Shape.Rank;
        for (long length = 1; first > 1 && length < c.P.Length; first--) length *= c.X.Shape[first - 1];
        Shape last = new(c.X.Shape.Dims[first..]);
        if (last.Length != c.P.Length)
            throw new NotSupportedException($"export: {c.P} is added to {c.X} and is not of the shape of its last axes.");
        Traced x = Value(c.X);
        string p = _memory.Holds(c.P)
            ? throw new NotSupportedException($"export: {c.P}, which is added to all of a batch, depends on the input.")
            : _graph.Constant(_names.Of(c.P, "/added"), Numbers(c.P), [1, .. Longs(last)]);
        return Node(c.Y, () => Op("Add", x.Name, p));
    }

    private string Activated(ActivationKind kind, string x) => kind switch
    {
        ActivationKind.Relu => Op("Relu", x),
        ActivationKind.Tanh => Op("Tanh", x),
        ActivationKind.Sigmoid => Op("Sigmoid", x),
        ActivationKind.QuickGelu => Op("Mul", x, Op("Sigmoid", Op("Mul", x, _graph.Scalar(1.702f)))),
        ActivationKind.Gelu when _graph.Opset >= GeluOpset => Op("Gelu", x),
        ActivationKind.Gelu => Op("Mul",                                                       // ½·x·(1 + erf(x/√2))
            Op("Mul", x, Op("Add", Op("Erf", Op("Div", x, _graph.Scalar(MathF.Sqrt(2)))), _graph.Scalar(1))), _graph.Scalar(0.5f)),
        _ => throw new NotSupportedException($"export: the model calls {kind}, which this version cannot write as ONNX."),
    };

    /// <summary>A reduction over one axis, which goes away.</summary>
    private string Reduce(string op, string x, long axis) => op == "ReduceSum" || _graph.Opset >= ReductionsByInput
        ? _graph.Node(op, [x, _graph.Numbers(axis)], new OnnxAttribute("keepdims", 0L))
        : _graph.Node(op, [x], new OnnxAttribute("axes", [axis]), new OnnxAttribute("keepdims", 0L));
}
