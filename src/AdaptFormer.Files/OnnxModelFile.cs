namespace AdaptFormer.Files;

/// <summary>What a file of ONNX says: its graph, without the numbers, which stay where they lie.</summary>
internal sealed class OnnxModelFile
{
    private const int MaxMetadataBytes = 64 << 20, MaxTensors = 1 << 20;
    private readonly MappedFile _file;

    /// <summary>Reads a mapped file, which stays the caller's.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public OnnxModelFile(MappedFile file)
    {
        _file = file;
        ProtobufReader model = new(file, 0, file.Length);
        bool found = false;
        while (model.Next())
        {
            if (model.Field == 7)
            {
                if (found) throw BadFile.Error(file.Path, "it holds two graphs");
                found = true;
                ReadGraph(model.Message());
            }
            else if (model.Field == 14) ReadMetadata(model.Message());
            else if (model.Field == 8) ReadOpset(model.Message());
            else if (model.Field == 1) IrVersion = (long)model.Value;
        }

        if (!found) throw BadFile.Error(file.Path, "it looks like an ONNX file and holds no graph");
    }

    /// <summary>The version of the format.</summary>
    public long IrVersion { get; }

    /// <summary>The version of the standard operators; 0 where none is named.</summary>
    public long Opset { get; private set; }

    /// <summary>The nodes in order.</summary>
    public List<OnnxFileNode> Nodes { get; } = [];

    /// <summary>The constants by name.</summary>
    public OrderedDictionary<string, OnnxFileTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of what the graph reads.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>Names of what it answers.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>Texts beside it.</summary>
    public OrderedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    private void ReadOpset(ProtobufReader message)
    {
        (string domain, long version) = ("", 0);
        while (message.Next())
        {
            if (message.Field == 1) domain = message.Text();
            else if (message.Field == 2) version = (long)message.Value;
        }

        if (domain is "" or "ai.onnx") Opset = version;
    }

    private void ReadMetadata(ProtobufReader message)
    {
        (string key, string value) = ("", "");
        while (message.Next())
        {
            if (message.Field == 1) key = message.Text();
            else if (message.Field == 2) value = message.Text(MaxMetadataBytes);
        }

        if (!Metadata.TryAdd(key, value)) throw BadFile.Error(_file.Path, key, "its metadata has this key twice");
    }

    private void ReadGraph(ProtobufReader graph)
    {
        while (graph.Next())
        {
            if (graph.Field == 1) Nodes.Add(ReadNode(graph.Message()));
            else if (graph.Field == 5) ReadTensor(graph.Message());
            else if (graph.Field == 11) Inputs.Add(ReadPort(graph.Message()));
            else if (graph.Field == 12) Outputs.Add(ReadPort(graph.Message()));
        }
    }

    private OnnxFileNode ReadNode(ProtobufReader message)
    {
        List<string> inputs = [], outputs = [];
        (string op, bool transposed) = ("", false);
        while (message.Next())
        {
            if (message.Field == 1) inputs.Add(message.Text());
            else if (message.Field == 2) outputs.Add(message.Text());
            else if (message.Field == 4) op = message.Text();
            else if (message.Field == 5) transposed |= IsSet(message.Message(), "transB");
        }

        return op.Length > 0 ? new OnnxFileNode(op, inputs, outputs, transposed)
            : throw BadFile.Error(_file.Path, "a node of its graph does not say what it does");
    }

    private static bool IsSet(ProtobufReader attribute, string wanted)
    {
        (bool named, bool set) = (false, false);
        while (attribute.Next())
        {
            if (attribute.Field == 1 && attribute.IsDelimited && attribute.Length == wanted.Length) named = attribute.Text() == wanted;
            else if (attribute.Field == 3) set = attribute.Value != 0;
        }

        return named && set;
    }

    private static string ReadPort(ProtobufReader message)
    {
        string name = "";
        while (message.Next())
        {
            if (message.Field == 1) name = message.Text();
        }

        return name;
    }

    private void ReadTensor(ProtobufReader message)
    {
        List<long> dims = [];
        (string name, int type, long start, long length, bool outside) = ("", 0, -1L, 0L, false);
        Dictionary<string, string>? place = null;
        while (message.Next())
        {
            if (message.Field == 1) message.AddTo(dims, FileShapes.MaxRank);
            else if (message.Field == 2) type = (int)Math.Min(message.Value, int.MaxValue);
            else if (message.Field == 8) name = message.Text();
            else if (message.Field is 4 or 9 or 10 && message.IsDelimited) (start, length) = (message.Start, message.Length);
            else if (message.Field == 13) ReadEntry(message.Message(), place ??= new Dictionary<string, string>(StringComparer.Ordinal));
            else if (message.Field == 14) outside = message.Value == 1;
        }

        if (name.Length == 0) throw BadFile.Error(_file.Path, "a constant of its graph has no name");
        if (Tensors.Count == MaxTensors) throw BadFile.Error(_file.Path, $"its graph has more than {MaxTensors} constants");
        if (!Tensors.TryAdd(name, new OnnxFileTensor(name, type, [.. dims], start, length, outside ? place ?? [] : null)))
            throw BadFile.Error(_file.Path, name, "its graph has two constants of this name");
    }

    private void ReadEntry(ProtobufReader message, Dictionary<string, string> into)
    {
        (string key, string value) = ("", "");
        while (message.Next())
        {
            if (message.Field == 1) key = message.Text();
            else if (message.Field == 2) value = message.Text();
        }

        if (!into.TryAdd(key, value)) throw BadFile.Error(_file.Path, key, "a constant says this twice of where its numbers lie");
    }
}

/// <summary>A node of a graph in a file.</summary>
/// <param name="Op">What it does.</param>
/// <param name="Inputs">What it reads.</param>
/// <param name="Outputs">What it makes.</param>
/// <param name="TransposesB">Of a Gemm: whether its second operand is stored [O, I].</param>
internal sealed record OnnxFileNode(string Op, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, bool TransposesB);

/// <summary>A constant of a graph in a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, by the format's number.</param>
/// <param name="Dims">Its axes.</param>
/// <param name="Start">Where its numbers lie in the file; −1 if they do not lie there as plain bytes.</param>
/// <param name="Length">Their bytes.</param>
/// <param name="Outside">What it says of where its numbers lie outside of the file; null if they lie inside.</param>
internal sealed record OnnxFileTensor(string Name, int Type, long[] Dims, long Start, long Length, IReadOnlyDictionary<string,
    string>? Outside);
