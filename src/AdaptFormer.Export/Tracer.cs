using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Export;

/// <summary>
/// A backend that writes a pass down: calls that depend on the input become nodes of a graph, all others are computed and become
/// constants. The model runs as it always does and is described nowhere else.
/// </summary>
internal sealed partial class Tracer : Backend
{
    /// <summary>Samples of the traced pass: with more than one, an axis that every sample shares is never mistaken for the batch.</summary>
    public const int Batch = 2;

    private readonly TracedMemory _memory = new();
    private readonly Backend _inner = Device.Host.Backend;
    private readonly OnnxGraph _graph;
    private readonly WeightNames _names;
    private readonly WeightStorage _storage;

    private Tracer(OnnxGraph graph, WeightNames names, WeightStorage storage) => (_graph, _names, _storage) = (graph, names, storage);

    /// <inheritdoc/>
    public override Device Device => Device.Host;

    /// <inheritdoc/>
    public override string Name => "tracing";

    /// <inheritdoc/>
    public override bool FastBFloat16 => false;

    /// <summary>Adds a pass of <paramref name="model"/> to a graph.</summary>
    /// <param name="model">The model, with what is attached to it.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="pixels">The name of the model's input in it, [B, ...].</param>
    /// <param name="storage">How weights are kept.</param>
    /// <returns>The names of the features [B, F] and, where there is a head, the logits [B, K].</returns>
    /// <exception cref="NotSupportedException">The model does something that has no counterpart.</exception>
    public static (string Features, string? Logits) Trace(Backbone model, OnnxGraph graph, string pixels, WeightStorage storage)
    {
        Tracer tracer = new(graph, new WeightNames(model), storage);
        using IDisposable use = Use(tracer);
        using TensorScope scope = new();
        Tensor input = Tensor.Empty(new Shape([Batch, .. model.InputShape]));
        tracer._memory.Set(input, new Traced(input.Shape, () => pixels));
        Tensor features = model.Features(input);
        Tensor? logits = model.Head?.Forward(features);
        return (tracer.Read(features), logits is null ? null : tracer.Read(logits));
    }

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => _inner.Allocate(bytes);

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) => _inner.AllocateZeros(bytes);

    /// <inheritdoc/>
    public override void CopyFromHost(nint source, Tensor destination)
    {
        _inner.CopyFromHost(source, destination);
        _memory.Set(destination, null);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The numbers depend on the input.</exception>
    public override void CopyToHost(Tensor source, nint destination)
    {
        if (_memory.Holds(source) && _memory.Find(source) is Traced)
            throw new NotSupportedException($"export: the model decides something by the numbers of {source}, which a graph cannot say.");
        _inner.CopyToHost(source, destination);
    }

    /// <inheritdoc/>
    public override void Invoke(Call call)
    {
        if (call is CopyTokensCall rows)
        {
            CopyTokens(rows);
            return;
        }

        if (call is FillCall || !call.Inputs.Any(_memory.Holds))
        {
            _inner.Invoke(call);
            foreach (Tensor? output in call.Outputs)
            {
                if (output is not null) _memory.Set(output, null);
            }

            return;
        }

        _graph.Scope = call.Inputs.Where(input => input is Parameter).Select(input => _names.LayerOf(input!, "")).FirstOrDefault("");
        _memory.Set(call.Target, Lower(call));
    }

    private Traced Lower(Call call) => call switch
    {
        LinearCall c => Linear(c),
        AddBottlenecksCall c => AddBottleneck(c),
        LayerNormCall c => LayerNorm(c),
        NormalizeColumnsCall c => NormalizeColumns(c),
        AttentionCall c => Attention(c),
        WindowAttentionCall c => WindowAttention(c),
        CopyCall c => Value(c.X) is var x && x.Shape == c.Y.Shape ? x : Node(c.Y, () => Read(c.X)),
        AddCall c => Node(c.Y, () => Op("Add", Read(c.A), Read(c.B))),
        AddIntoCall c => Node(c.Y, () => Op("Add", Read(c.Y), Times(Read(c.X), c.Scale))),
        MultiplyCall c => Node(c.Y, () => Op("Mul", Read(c.A), Read(c.B))),
        ScaleCall c => Scale(c.X, c.Factor, c.Y),
        ScaleByCall c => Scale(c.X, c.Factor * Numbers(c.S)[0], c.Y),
        ScaleFeaturesCall c => ScaleFeatures(c),
        AddBroadcastCall c => AddBroadcast(c),
        ActivateCall c => Node(c.Y, () => Activated(c.Kind, Read(c.X))),
        GatherTokensCall c => GatherTokens(c),
        MeanTokensCall c => Node(c.Y, () => Reduce("ReduceMean", Rows(Read(c.X), c.Start, c.X.Shape[1] - c.Start, c.X.Shape[1]), axis: 1)),
        TransposeRowsCall c => TransposeRows(c),
        UnfoldCall c => Unfold(c),
        MergePatchesCall c => MergePatches(c),
        SumTapsCall c => SumTaps(c),
        DepthwiseCall c => Depthwise(c),
        _ => throw new NotSupportedException($"export: the model calls {call.Name}, which this version cannot write as ONNX."),
    };

    /// <summary>A value of a call's result, whose node is made now: what it reads may be overwritten by the next call.</summary>
    private static Traced Node(Tensor y, Func<string> write)
    {
        string name = write();
        return new Traced(y.Shape, () => name);
    }

    /// <summary>What the tensor holds, as a value of its shape.</summary>
    private Traced Value(Tensor tensor)
    {
        object? held = _memory.Find(tensor);
        if (held is null)
        {
            string constant = Constant(tensor, "/constant");
            return new Traced(tensor.Shape, () => constant);
        }

        if (held is TracedTokens tokens)
        {
            string rows = tokens.Write(_graph, tensor);
            held = new Traced(tokens.Shape, () => rows);
        }

        Traced value = (Traced)held;
        return value.Shape == tensor.Shape ? value : new Traced(tensor.Shape, () => Op("Reshape", value.Name, Axes(tensor.Shape)));
    }

    /// <summary>The name under which the graph has what the tensor holds.</summary>
    private string Read(Tensor tensor) => Value(tensor).Name;

    /// <summary>Numbers that do not depend on the input.</summary>
    private float[] Numbers(Tensor tensor) => _memory.Holds(tensor)
        ? throw new NotSupportedException($"export: the model uses {tensor}, which depends on the input, as a weight.")
        : tensor.ToArray();

    private string Constant(Tensor tensor, string otherwise) =>
        _graph.Constant(_names.Of(tensor, otherwise), Numbers(tensor), Longs(tensor.Shape));

    private string Op(string op, params string[] inputs) => _graph.Node(op, inputs);

    private string Times(string x, float factor) => factor == 1 ? x : Op("Mul", x, _graph.Scalar(factor));

    /// <summary>A shape whose first axis is that of the batch, in whatever number the samples come.</summary>
    private string Axes(Shape shape)
    {
        if (shape.Rank == 0 || shape[0] % Batch != 0)
            throw new NotSupportedException($"export: a value of the shape {shape} does not grow with the batch, which a graph cannot "
                + "say.");
        return _graph.Numbers([-1, .. Longs(shape)[1..]]);
    }

    private static long[] Longs(Shape shape) => [.. shape.Select(dim => (long)dim)];
}
