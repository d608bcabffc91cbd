using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaptFormer.Files;

namespace AdaptFormer.Export;

/// <summary>
/// A graph that grows node by node. What is asked for a second time is not written a second time, neither a constant of the same numbers
/// nor a node of the same inputs: so tasks that are traced one after the other share everything ahead of the place where they part.
/// </summary>
/// <param name="opset">The version of the operators.</param>
/// <param name="data">Where large constants go that are kept beside the file; null: into the file.</param>
internal sealed class OnnxGraph(int opset, ExternalData? data)
{
    private const int KeptInside = 1024;      // bytes; what shapes and axes are made of must be known without the second file
    private readonly Dictionary<string, string[]> _made = [];
    private readonly Dictionary<string, string> _stored = [];
    private readonly Dictionary<string, string> _preferred = [];
    private readonly HashSet<string> _names = [];

    /// <summary>The version of the operators.</summary>
    public int Opset => opset;

    /// <summary>The nodes, each behind those that it reads.</summary>
    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>The constants.</summary>
    public List<OnnxConstant> Constants { get; } = [];

    /// <summary>What the graph reads.</summary>
    public List<OnnxPort> Inputs { get; } = [];

    /// <summary>What it answers.</summary>
    public List<OnnxPort> Outputs { get; } = [];

    /// <summary>What stands ahead of the names of nodes: the layer that is being written.</summary>
    public string Scope { get; set; } = "";

    /// <summary>Adds a node of one result.</summary>
    /// <returns>The result's name.</returns>
    public string Node(string op, string[] inputs, params OnnxAttribute[] attributes)
    {
        string key = $"{op}({string.Join('|', inputs)}){string.Join(';', attributes.Select(attribute => attribute.Key))}";
        if (_made.TryGetValue(key, out string[]? made)) return made[0];
        string name = Free(Scope.Length == 0 ? $"/{op}" : $"/{Scope}/{op}");
        Nodes.Add(new OnnxNode(name, op, inputs, [$"{name}_output"], attributes));
        _made.Add(key, Nodes[^1].Outputs);
        return Nodes[^1].Outputs[0];
    }

    /// <summary>Names a value as the graph's answer.</summary>
    public void Answer(string name, string value, OnnxElement type, params object[] dims)
    {
        Nodes.Add(new OnnxNode(Free($"/{name}"), "Identity", [value], [Free(name)], []));
        Outputs.Add(new OnnxPort(name, type, dims));
    }

    /// <summary>f32 numbers.</summary>
    public string Constant(string name, ReadOnlySpan<float> values, params long[] dims) =>
        Constant(name, OnnxElement.Float32, MemoryMarshal.AsBytes(values), dims);

    /// <summary>64-bit whole numbers: a vector.</summary>
    public string Numbers(params long[] values) =>
        Constant("/numbers", OnnxElement.Int64, MemoryMarshal.AsBytes(values.AsSpan()), values.Length);

    /// <summary>One f32 number, without axes.</summary>
    public string Scalar(float value) => Constant("/number", [value]);

    /// <summary>One f64 number, without axes.</summary>
    public string Double(double value) => Constant("/double", OnnxElement.Float64, MemoryMarshal.AsBytes([value]));

    /// <summary>Numbers of any type.</summary>
    /// <param name="name">Its name, if it is free.</param>
    /// <param name="type">The elements' type.</param>
    /// <param name="bytes">The elements, row by row.</param>
    /// <param name="dims">Axes.</param>
    public string Constant(string name, OnnxElement type, ReadOnlySpan<byte> bytes, params long[] dims)
    {
        string key = Key(type, bytes, dims);
        if (_stored.TryGetValue(key, out string? there)) return there;
        string free = Free(_preferred.GetValueOrDefault(key, name));
        Constants.Add(data is null || bytes.Length < KeptInside
            ? new OnnxConstant(free, type, dims, bytes.ToArray())
            : new OnnxConstant(free, type, dims, null) { External = data.Add(bytes) });
        _stored.Add(key, free);
        return free;
    }

    /// <summary>Numbers that are to have this name should they become a constant, under whatever name they come.</summary>
    public void Prefer(string name, ReadOnlySpan<float> values, params long[] dims) =>
        _preferred.TryAdd(Key(OnnxElement.Float32, MemoryMarshal.AsBytes(values), dims), name);

    private static string Key(OnnxElement type, ReadOnlySpan<byte> bytes, long[] dims) =>
        $"{type}[{string.Join(',', dims)}]{Convert.ToHexString(SHA256.HashData(bytes))}";

    private string Free(string name)
    {
        string free = name;
        for (int i = 1; !_names.Add(free); i++) free = $"{name}_{i}";
        return free;
    }
}

/// <summary>One operation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Op">What it does.</param>
/// <param name="Inputs">What it reads; an empty name where an optional operand is left out.</param>
/// <param name="Outputs">What it makes.</param>
/// <param name="Attributes">Its constants.</param>
internal sealed record OnnxNode(string Name, string Op, string[] Inputs, string[] Outputs, OnnxAttribute[] Attributes);

/// <summary>Numbers that the graph holds.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The elements' type.</param>
/// <param name="Dims">Axes; none for a single number.</param>
/// <param name="Bytes">The elements; null when they lie in the second file.</param>
internal sealed record OnnxConstant(string Name, OnnxElement Type, long[] Dims, byte[]? Bytes)
{
    /// <summary>Where in the second file they lie.</summary>
    public (long Offset, long Length) External { get; init; }
}

/// <summary>An input or an output.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The elements' type.</param>
/// <param name="Dims">Axes: a number, or a name where every call may have its own.</param>
internal sealed record OnnxPort(string Name, OnnxElement Type, object[] Dims);
