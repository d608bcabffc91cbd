namespace AdaptFormer.Export;

/// <summary>What was written.</summary>
/// <param name="Path">The file.</param>
/// <param name="DataPath">The second file with the numbers; null if there is none.</param>
/// <param name="Bytes">Bytes of both.</param>
/// <param name="Nodes">Nodes of the graph.</param>
/// <param name="Opset">The version of the operators.</param>
/// <param name="Card">What the file says about itself.</param>
public sealed record OnnxReport(string Path, string? DataPath, long Bytes, int Nodes, int Opset, OnnxCard Card);
