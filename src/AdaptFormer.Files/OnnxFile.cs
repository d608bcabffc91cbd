using AdaptFormer.Tensors;
using System.Globalization;

namespace AdaptFormer.Files;

/// <summary>
/// Reads the weights out of an ONNX file under the names that they had in the model: as the file names its constants, and, for matrices
/// that an exporter turned round and gave a number, as their biases are named. Numbers that lie in a second file beside it are read there.
/// </summary>
internal static class OnnxFile
{
    private static readonly Dictionary<int, FileDataType> Types = new()
    {
        [1] = FileDataType.Float32,
        [10] = FileDataType.Float16,
        [11] = FileDataType.Float64,
        [16] = FileDataType.BFloat16,
    };

    private static readonly string[] Rounded = ["MatMulInteger", "QLinearMatMul", "DequantizeLinear", "DynamicQuantizeMatMul",
        "MatMulNBits"];

    /// <summary>Whether a file could be one: it begins with the version of the format and a field of the model.</summary>
    public static bool LooksLike(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && start[0] == 0x08 && start[1] is > 0 and < 64
            && start[2] is 0x12 or 0x1a or 0x22 or 0x28 or 0x32 or 0x3a or 0x42;

    /// <summary>Opens a mapped file, which then belongs to the result.</summary>
    /// <exception cref="InvalidDataException">It is damaged, holds no weights, or holds them rounded to whole numbers.</exception>
    public static WeightsFile Open(MappedFile file)
    {
        OnnxModelFile model = new(file);
        if (model.Nodes.FirstOrDefault(node => Rounded.Contains(node.Op)) is { } rounded)
        {
            throw BadFile.Error(file.Path,
                $"its weights are rounded to whole numbers ({rounded.Op}), from which the model's own cannot be had again; take a "
                + "file that was "
                + "exported with floats");
        }

        Owned owned = new(file);
        try
        {
            Dictionary<string, bool> matrices = Matrices(model);
            Dictionary<string, string> named = ByTheirBiases(model, matrices);
            OrderedDictionary<string, WeightsEntry> entries = new(StringComparer.Ordinal);
            foreach (OnnxFileTensor tensor in model.Tensors.Values)
            {
                string name = named.GetValueOrDefault(tensor.Name, tensor.Name);
                if (!Types.TryGetValue(tensor.Type, out FileDataType type) || IsAnonymous(name)) continue;
                if (!entries.TryAdd(name, Entry(owned, tensor, name, type, matrices.GetValueOrDefault(tensor.Name))))
                    throw BadFile.Error(file.Path, name, "two of its matrices belong to this layer");
            }

            return new WeightsFile(file.Path, "ONNX", model.Metadata, entries, owned);
        }
        catch
        {
            owned.DisposeOthers();
            throw;
        }
    }

    /// <summary>The constants that products read as matrices, and whether they are stored [I, O] and not as a checkpoint has
    /// them.</summary>
    private static Dictionary<string, bool> Matrices(OnnxModelFile model)
    {
        Dictionary<string, bool> matrices = new(StringComparer.Ordinal);
        Dictionary<string, string> cast = new(StringComparer.Ordinal);
        foreach (OnnxFileNode node in model.Nodes)
        {
            if (node is { Op: "Cast", Inputs: [var from], Outputs: [var to] } && model.Tensors.ContainsKey(from)) cast[to] = from;
            if (node.Op is not ("MatMul" or "Gemm") || node.Inputs.Count < 2) continue;
            string weight = cast.GetValueOrDefault(node.Inputs[1], node.Inputs[1]);
            if (model.Tensors.TryGetValue(weight, out OnnxFileTensor? tensor)
                && tensor.Dims.Length == 2) matrices[weight] = !node.TransposesB;
        }

        return matrices;
    }

    /// <summary>Exporters of PyTorch call a matrix that they turned round by a number; the bias that is added to its product has its
    /// name.</summary>
    private static Dictionary<string, string> ByTheirBiases(OnnxModelFile model, Dictionary<string, bool> matrices)
    {
        const string bias = ".bias", weight = ".weight";
        Dictionary<string, string> products = new(StringComparer.Ordinal), names = new(StringComparer.Ordinal);
        foreach (OnnxFileNode node in model.Nodes)
        {
            if (node.Op == "MatMul" && node.Inputs.Count == 2 && node.Outputs.Count == 1 && matrices.ContainsKey(node.Inputs[1]))
                products[node.Outputs[0]] = node.Inputs[1];
            if (node.Op != "Add" || node.Inputs.Count != 2) continue;
            for (int i = 0; i < 2; i++)
            {
                string added = node.Inputs[1 - i];
                if (!products.TryGetValue(node.Inputs[i], out string? matrix) || !IsAnonymous(matrix)
                    || !added.EndsWith(bias, StringComparison.Ordinal)) continue;
                string name = added[..^bias.Length] + weight;
                if (model.Tensors.ContainsKey(added) && !model.Tensors.ContainsKey(name)) names[matrix] = name;
            }
        }

        return names;
    }

    private static bool IsAnonymous(string name) =>
        name.StartsWith('/') || name.StartsWith("onnx::", StringComparison.Ordinal) || name.All(char.IsAsciiDigit);

    private static WeightsEntry Entry(Owned owned, OnnxFileTensor tensor, string name, FileDataType type, bool transposed)
    {
        string path = owned.Main.Path;
        if (!FileShapes.TryCreate(tensor.Dims, type.Size(), out Shape shape, out string problem)) throw BadFile.Error(path, name, problem);
        long needed = shape.Length * type.Size();
        (MappedFile file, long start, long length) = tensor.Outside is { } outside
            ? owned.Place(outside, name, needed) : (owned.Main, tensor.Start, tensor.Length);
        if (start < 0 && needed > 0) throw BadFile.Error(path, name, "its numbers are not stored as plain bytes; export the model again");
        if (length != needed && (start >= 0 || needed > 0))
            throw BadFile.Error(path, name, $"{type} {shape} needs {needed} bytes, {length} are there");
        MappedBlock block = new(file, Math.Max(0, start), length);
        return transposed
            ? new WeightsEntry(name, type, new Shape(shape[1], shape[0]), block, 0, [1, shape[1]])
            : new WeightsEntry(name, type, shape, block, 0);
    }

    /// <summary>The file and those beside it.</summary>
    private sealed class Owned(MappedFile main) : IDisposable
    {
        private readonly Dictionary<string, MappedFile> _others = new(StringComparer.Ordinal);

        public MappedFile Main => main;

        public (MappedFile File, long Start, long Length) Place(IReadOnlyDictionary<string, string> place, string name, long needed)
        {
            string location = place.GetValueOrDefault("location", "");
            bool isHere = location.Length is > 0 and <= 255 && location is not ("." or "..")
                && location.AsSpan().IndexOfAny('/', '\\', ':') < 0 && !location.Any(char.IsControl);
            if (!isHere)
                throw BadFile.Error(main.Path, name, $"its numbers lie in '{BadFile.Shorten(location)}'; only files in the same "
                    + "folder are read");
            if (!_others.TryGetValue(location, out MappedFile? file))
            {
                string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(main.Path))!, location);
                if (!File.Exists(path))
                    throw BadFile.Error(main.Path, name, $"its numbers lie in {location}, which is not beside it; copy both files "
                        + "together");
                _others.Add(location, file = new MappedFile(path));
            }

            long start = Number(place, "offset", name, 0), length = Number(place, "length", name, needed);
            if (start > file.Length || length > file.Length - start)
                throw BadFile.Error(main.Path, name, $"its numbers lie at byte {start} of {location}, {length} of them, and the file "
                    + $"has {file.Length}");
            return (file, start, length);
        }

        public void DisposeOthers()
        {
            foreach (MappedFile file in _others.Values) file.Dispose();
        }

        public void Dispose()
        {
            DisposeOthers();
            main.Dispose();
        }

        private long Number(IReadOnlyDictionary<string, string> place, string key, string name, long otherwise)
        {
            if (!place.TryGetValue(key, out string? text)) return otherwise;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
                : throw BadFile.Error(main.Path, name, $"its {key} is '{BadFile.Shorten(text)}', expected a whole number");
        }
    }
}
