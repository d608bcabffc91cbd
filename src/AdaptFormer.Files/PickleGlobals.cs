namespace AdaptFormer.Files;

/// <summary>The Python names that a checkpoint may mention. A name is never looked up anywhere else, and none runs Python code.</summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, PickleGlobal> Known = Create().ToDictionary(g => g.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, PickleGlobal> ArrayNames = new PickleGlobal[]
    {
        new("numpy.ndarray", PickleGlobalKind.NumpyArray),
        new("numpy.core.multiarray._reconstruct", PickleGlobalKind.NumpyReconstruct),
        new("numpy._core.multiarray._reconstruct", PickleGlobalKind.NumpyReconstruct),
    }.ToDictionary(g => g.Name, StringComparer.Ordinal);

    /// <summary>The permitted name, or null.</summary>
    /// <param name="module">Its module.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="arrays">Whether those of numpy arrays count.</param>
    public static PickleGlobal? Find(string module, string name, bool arrays) =>
        Known.GetValueOrDefault($"{module}.{name}") ?? (arrays ? ArrayNames.GetValueOrDefault($"{module}.{name}") : null);

    private static IEnumerable<PickleGlobal> Create()
    {
        yield return new("collections.OrderedDict", PickleGlobalKind.OrderedDict);
        yield return new("argparse.Namespace", PickleGlobalKind.Namespace);
        yield return new("torch._utils._rebuild_tensor", PickleGlobalKind.RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v2", PickleGlobalKind.RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v3", PickleGlobalKind.RebuildTypedTensor);
        yield return new("torch._utils._rebuild_parameter", PickleGlobalKind.RebuildParameter);
        yield return new("torch.Size", PickleGlobalKind.Size);
        yield return new("torch.device", PickleGlobalKind.Device);
        yield return new("numpy.dtype", PickleGlobalKind.NumpyType);
        yield return new("numpy.core.multiarray.scalar", PickleGlobalKind.NumpyScalar);
        yield return new("numpy._core.multiarray.scalar", PickleGlobalKind.NumpyScalar);
        yield return new("_codecs.encode", PickleGlobalKind.Encode);

        yield return new("torch.UntypedStorage", PickleGlobalKind.Storage);
        yield return new("torch.storage.UntypedStorage", PickleGlobalKind.Storage);
        foreach ((string name, FileDataType type) in new[]
        {
            ("Float", FileDataType.Float32), ("Double", FileDataType.Float64), ("Half", FileDataType.Float16),
            ("BFloat16", FileDataType.BFloat16), ("Long", FileDataType.Int64), ("Int", FileDataType.Int32),
            ("Short", FileDataType.Int16), ("Char", FileDataType.Int8), ("Byte", FileDataType.UInt8), ("Bool", FileDataType.Bool),
        })
        {
            yield return new($"torch.{name}Storage", PickleGlobalKind.Storage, type);
        }

        foreach (FileDataType type in Enum.GetValues<FileDataType>())
        {
            // torch.float32, torch.bfloat16, torch.uint8, torch.bool: the enum's names in lower case.
            yield return new($"torch.{type.ToString().ToLowerInvariant()}", PickleGlobalKind.DataType, type);
        }
    }
}
