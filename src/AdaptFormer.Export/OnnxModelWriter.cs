using System.Globalization;
using AdaptFormer.Files;

namespace AdaptFormer.Export;

/// <summary>Writes a graph as a ModelProto: the file itself.</summary>
internal static class OnnxModelWriter
{
    /// <summary>What a file of protocol buffers can hold.</summary>
    public const long MaxBytes = int.MaxValue;

    private const string Producer = "AdaptFormer for .NET";

    // Fields of the messages, by the numbers that the format gives them.
    private const int ModelGraph = 7, GraphNode = 1, GraphConstant = 5, TensorRaw = 9, External = 1;

    /// <summary>Bytes that the constants take inside the file.</summary>
    public static long ConstantBytes(OnnxGraph graph) => graph.Constants.Sum(constant => (long)(constant.Bytes?.Length ?? 0));

    /// <summary>Writes the file.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">Its name.</param>
    /// <param name="metadata">Texts beside it.</param>
    /// <param name="dataFile">The name of the second file.</param>
    /// <param name="stream">Where to.</param>
    public static void Write(OnnxGraph graph, string name, IReadOnlyDictionary<string, string> metadata, string dataFile, Stream stream)
    {
        ProtobufWriter nodes = new(), ports = new(), head = new(), tail = new();
        foreach (OnnxNode node in graph.Nodes) nodes.Write(GraphNode, to => Write(to, node));
        nodes.Write(2, name);
        (ProtobufWriter Header, OnnxConstant Constant, long Length)[] constants =
        [
            .. graph.Constants.Select(constant =>
            {
                ProtobufWriter header = Header(constant, dataFile);
                return (header, constant, header.Length + (constant.Bytes?.Length ?? 0));
            }),
        ];
        foreach (OnnxPort port in graph.Inputs) ports.Write(11, to => Write(to, port));
        foreach (OnnxPort port in graph.Outputs) ports.Write(12, to => Write(to, port));

        long length = nodes.Length + constants.Sum(entry => ProtobufWriter.SizeOfField(GraphConstant, entry.Length)) + ports.Length;
        head.Write(1, IrVersion(graph.Opset));
        head.Write(2, Producer);
        head.Write(3, typeof(OnnxModelWriter).Assembly.GetName().Version?.ToString(3) ?? "");
        head.Write(8, to =>
        {
            to.Write(1, "");
            to.Write(2, (long)graph.Opset);
        });
        head.Start(ModelGraph, length);
        foreach ((string key, string value) in metadata) tail.Write(14, to => Write(to, key, value));
        if (head.Length + length + tail.Length > MaxBytes)
            throw new ArgumentException(
                $"export: the model takes {head.Length + length + tail.Length:N0} bytes, and one ONNX file holds {MaxBytes:N0}: "
                + "keep its numbers in a second file (--external).");

        head.CopyTo(stream);
        nodes.CopyTo(stream);
        foreach ((ProtobufWriter header, OnnxConstant constant, long size) in constants)
        {
            ProtobufWriter start = new();
            start.Start(GraphConstant, size);
            start.CopyTo(stream);
            header.CopyTo(stream);
            stream.Write(constant.Bytes);
        }

        ports.CopyTo(stream);
        tail.CopyTo(stream);
    }

    /// <summary>The version of the format that brought the operators.</summary>
    private static long IrVersion(int opset) => opset switch { >= 21 => 10, >= 19 => 9, _ => 8 };

    private static void Write(ProtobufWriter to, OnnxNode node)
    {
        foreach (string input in node.Inputs) to.Write(1, input);
        foreach (string output in node.Outputs) to.Write(2, output);
        to.Write(3, node.Name);
        to.Write(4, node.Op);
        foreach (OnnxAttribute attribute in node.Attributes) to.Write(5, attribute.Write);
    }

    /// <summary>A constant without its numbers, which stand last.</summary>
    private static ProtobufWriter Header(OnnxConstant constant, string dataFile)
    {
        ProtobufWriter to = new();
        foreach (long dim in constant.Dims) to.Write(1, dim);
        to.Write(2, (long)constant.Type);
        to.Write(8, constant.Name);
        if (constant.Bytes is { } bytes)
        {
            to.Start(TensorRaw, bytes.Length);
            return to;
        }

        to.Write(13, entry => Write(entry, "location", dataFile));
        to.Write(13, entry => Write(entry, "offset", constant.External.Offset.ToString(CultureInfo.InvariantCulture)));
        to.Write(13, entry => Write(entry, "length", constant.External.Length.ToString(CultureInfo.InvariantCulture)));
        to.Write(14, External);
        return to;
    }

    private static void Write(ProtobufWriter to, OnnxPort port)
    {
        to.Write(1, port.Name);
        to.Write(2, type => type.Write(1, tensor =>
        {
            tensor.Write(1, (long)port.Type);
            tensor.Write(2, shape =>
            {
                foreach (object dim in port.Dims)
                {
                    shape.Write(1, axis =>
                    {
                        if (dim is string text) axis.Write(2, text);
                        else axis.Write(1, Convert.ToInt64(dim, CultureInfo.InvariantCulture));
                    });
                }
            });
        }));
    }

    private static void Write(ProtobufWriter to, string key, string value)
    {
        to.Write(1, key);
        to.Write(2, value);
    }
}
