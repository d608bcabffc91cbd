using AdaptFormer.Files;
using System.Runtime.InteropServices;
using AdaptFormer.Export;

namespace AdaptFormer.Tests.Files;

/// <summary>Small ONNX files as several programs write them.</summary>
internal static class OnnxSamples
{
    /// <summary>Matrices that a product reads [I, O], under their own names, and one that a Gemm reads [O, I].</summary>
    public static byte[] Named()
    {
        OnnxGraph graph = Graph();
        string x = graph.Node("MatMul", ["x", graph.Constant("blocks.0.mlp.fc1.weight", Numbers(6), 2, 3)]);
        x = graph.Node("Add", [x, graph.Constant("blocks.0.mlp.fc1.bias", Numbers(3), 3)]);
        x = graph.Node("Gemm", [x, graph.Constant("head.weight", Numbers(12), 4, 3)], new OnnxAttribute("transB", 1L));
        x = graph.Node("Add", [x, graph.Constant("half.bias", OnnxElement.Float16, MemoryMarshal.AsBytes<Half>([(Half)1, (Half)2, (Half)3, (Half)4]), 4)]);
        graph.Answer("y", x, OnnxElement.Float32, "batch", 4L);
        return Bytes(graph, new Dictionary<string, string> { ["labels"] = "[\"a\"]" });
    }

    /// <summary>A matrix that its exporter turned round and gave a number.</summary>
    public static byte[] Anonymous()
    {
        OnnxGraph graph = Graph();
        string x = graph.Node("MatMul", ["x", graph.Constant("onnx::MatMul_17", Numbers(6), 2, 3)]);
        x = graph.Node("Add", [graph.Constant("vit.encoder.bias", Numbers(3), 3), x]);
        graph.Answer("y", x, OnnxElement.Float32, "batch", 3L);
        return Bytes(graph, []);
    }

    /// <summary>0, 1, 2 and so on.</summary>
    public static float[] Numbers(int count) => [.. Enumerable.Range(0, count)];

    /// <summary>A graph that reads x, [B, 2].</summary>
    public static OnnxGraph Graph()
    {
        OnnxGraph graph = new(17, data: null);
        graph.Inputs.Add(new OnnxPort("x", OnnxElement.Float32, ["batch", 2L]));
        return graph;
    }

    /// <summary>The file.</summary>
    public static byte[] Bytes(OnnxGraph graph, Dictionary<string, string> metadata)
    {
        using MemoryStream stream = new();
        OnnxModelWriter.Write(graph, "sample", metadata, "sample.data", stream);
        return stream.ToArray();
    }
}
