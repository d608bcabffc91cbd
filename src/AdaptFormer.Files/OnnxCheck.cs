
namespace AdaptFormer.Files;

/// <summary>Reads a file that was written and holds it against the rules of the format.</summary>
public static class OnnxCheck
{
    private static readonly Dictionary<int, int> Sizes = new()
    {
        [(int)OnnxElement.Float32] = 4,
        [(int)OnnxElement.UInt8] = 1,
        [(int)OnnxElement.Int8] = 1,
        [(int)OnnxElement.Int32] = 4,
        [(int)OnnxElement.Int64] = 8,
        [(int)OnnxElement.Float16] = 2,
        [(int)OnnxElement.Float64] = 8,
    };

    /// <summary>The texts beside a file's graph, read before anything in it is believed.</summary>
    /// <exception cref="InvalidDataException">It is no ONNX file, or is damaged.</exception>
    public static IReadOnlyDictionary<string, string> Texts(string path)
    {
        using MappedFile file = new(path);
        return new OnnxModelFile(file).Metadata;
    }

    /// <summary>Throws unless every name is made before it is read and only once, and every constant is as large as its axes say.</summary>
    /// <exception cref="InvalidDataException">The file breaks a rule; the message names it.</exception>
    public static void Structure(string path)
    {
        using MappedFile file = new(path);
        OnnxModelFile model = new(file);
        HashSet<string> known = new(StringComparer.Ordinal) { "" };
        foreach (string name in model.Inputs.Concat(model.Tensors.Keys))
        {
            if (!known.Add(name)) throw BadFile.Error(path, name, "two values have this name");
        }

        foreach (OnnxFileNode node in model.Nodes)
        {
            if (node.Inputs.FirstOrDefault(input => !known.Contains(input)) is { } missing)
                throw BadFile.Error(path, missing, $"{node.Op} reads it before it is made");
            if (node.Outputs.FirstOrDefault(output => !known.Add(output)) is { } twice)
                throw BadFile.Error(path, twice, "two values have this name");
        }

        if (model.Outputs.FirstOrDefault(output => !known.Contains(output)) is { } unmade)
            throw BadFile.Error(path, unmade, "nothing makes this output");
        foreach (OnnxFileTensor tensor in model.Tensors.Values) CheckSize(path, tensor);
    }

    private static void CheckSize(string path, OnnxFileTensor tensor)
    {
        if (!Sizes.TryGetValue(tensor.Type, out int size))
            throw BadFile.Error(path, tensor.Name, $"its type is {tensor.Type}, which is not written here");
        long needed = tensor.Dims.Aggregate((long)size, (bytes, dim) => bytes * dim), length = tensor.Length;
        if (tensor.Outside is { } outside)
        {
            (long offset, long bytes) = (long.Parse(outside["offset"]), long.Parse(outside["length"]));
            FileInfo data = new(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, outside["location"]));
            if (!data.Exists || offset + bytes > data.Length)
                throw BadFile.Error(path, tensor.Name, $"{data.Name} does not hold its numbers");
            length = bytes;
        }

        if (length != needed) throw BadFile.Error(path, tensor.Name, $"it needs {needed} bytes, {length} are there");
    }
}
