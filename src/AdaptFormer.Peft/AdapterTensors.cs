using System.Runtime.InteropServices;
using System.Text.Json;
using AdaptFormer.Files;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>How a packed adapter file keeps its tensors: all codes, levels, scales and vectors one behind the other.</summary>
/// <param name="Bits">Bits of a number of the method's matrices.</param>
/// <param name="HeadBits">Bits of a number of the head's matrix.</param>
/// <param name="Block">Numbers that share a scale.</param>
/// <param name="Tensors">Shapes by name, in the order in which they lie.</param>
internal sealed record PackedStorage(int Bits, int HeadBits, int Block, OrderedDictionary<string, int[]> Tensors);

/// <summary>
/// The tensors of an adapter file by name: each a tensor of floats of its own or, in packed files, matrices in few bits a number and
/// vectors (biases, norms, statistics) as 16-bit floats.
/// </summary>
internal sealed class AdapterTensors
{
    /// <summary>Bits of a number in a file that is not packed.</summary>
    public const int Plain = 32;

    /// <summary>The key of the text that says how a packed file is packed.</summary>
    public const string StorageKey = "storage";

    private const int LeastHeadBits = 4;
    private const string Codes = "codes", Levels = "levels", Scales = "scales", Vectors = "vectors", Head = "head.";

    private readonly WeightsFile _file;
    private readonly OrderedDictionary<string, Shape> _shapes = [];
    private readonly Dictionary<string, Place> _places = [];
    private readonly Lazy<(byte[] Codes, float[] Levels, float[] Scales, float[] Vectors)> _packed;

    private AdapterTensors(WeightsFile file)
    {
        _file = file;
        _packed = new(() => (Bytes(Codes), Floats(Levels), Floats(Scales), Floats(Vectors)));
    }

    /// <summary>Shapes by name, in the order of the file.</summary>
    public IReadOnlyDictionary<string, Shape> Shapes => _shapes;

    /// <summary>Bits of a number of the method's matrices.</summary>
    public int Bits { get; private init; } = Plain;

    /// <summary>The tensors of an adapter file; none is read yet.</summary>
    /// <exception cref="InvalidDataException">What a packed file says of its tensors is not what it holds.</exception>
    public static AdapterTensors Of(WeightsFile file)
    {
        if (!file.Metadata.TryGetValue(StorageKey, out string? text))
        {
            AdapterTensors plain = new(file);
            foreach (WeightsEntry entry in file.Entries.Values) plain._shapes.Add(entry.Name, entry.Shape);
            return plain;
        }

        PackedStorage storage = ReadStorage(file, text);
        AdapterTensors packed = new(file) { Bits = storage.Bits };
        packed.Locate(storage);
        return packed;
    }

    /// <summary>Reads a tensor, row by row.</summary>
    /// <exception cref="InvalidDataException">Its numbers are damaged.</exception>
    public float[] Read(string name)
    {
        float[] values = new float[_shapes[name].Length];
        Read(name, values);
        return values;
    }

    /// <summary>Reads a tensor into memory of its length, row by row.</summary>
    /// <exception cref="InvalidDataException">Its numbers are damaged.</exception>
    public void Read(string name, Span<float> values)
    {
        if (!_places.TryGetValue(name, out Place place)) _file.ReadFloat32(_file.Entries[name], values);
        else if (place.Bits == 0) _packed.Value.Vectors.AsSpan((int)place.Codes, values.Length).CopyTo(values);
        else
        {
            (byte[] codes, float[] levels, float[] scales, _) = _packed.Value;
            PackedMatrix.Unpack(codes.AsSpan((int)place.Codes), place.Bits, levels.AsSpan(place.Levels, 1 << place.Bits),
                scales.AsSpan((int)place.Scales), values);
        }
    }

    /// <summary>Adds tensors to a file that is about to be written.</summary>
    /// <param name="writer">The file.</param>
    /// <param name="tensors">Shapes and numbers by name.</param>
    /// <param name="bits">32, or 1, 2, 4 or 8 for matrices.</param>
    /// <returns>The numbers as they will be read.</returns>
    public static Dictionary<string, float[]> Write(
        SafetensorsWriter writer, IReadOnlyDictionary<string, (Shape Shape, float[] Values)> tensors, int bits)
    {
        if (bits == Plain)
        {
            foreach ((string name, (Shape shape, float[] values)) in tensors) writer.Add(name, shape, values);
            return tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value.Values);
        }

        PackedStorage storage = new(bits, Math.Max(bits, LeastHeadBits), PackedMatrix.Block, []);
        Dictionary<string, float[]> kept = [];
        List<byte> codes = [];
        List<Half> levels = [], scales = [];
        bool half = tensors.Values.All(
            tensor => tensor.Shape.Rank > 1 || Array.TrueForAll(tensor.Values, value => Half.IsFinite((Half)value)));
        List<float> vectors = [];
        foreach ((string name, (Shape shape, float[] values)) in tensors)
        {
            storage.Tensors.Add(name, shape.Dims.ToArray());
            float[] read = kept[name] = new float[values.Length];
            if (shape.Rank > 1)
            {
                PackedMatrix packed = PackedMatrix.Of(values, BitsOf(storage, name));
                packed.Unpack(read);
                codes.AddRange(packed.Codes);
                levels.AddRange(packed.Levels);
                scales.AddRange(packed.Scales);
            }
            else
            {
                for (int i = 0; i < read.Length; i++) read[i] = half ? (float)(Half)values[i] : values[i];
                vectors.AddRange(read);
            }
        }

        writer.Metadata[StorageKey] = JsonSerializer.Serialize(storage, AdapterJson.Default.PackedStorage);
        writer.Add(Codes, FileDataType.UInt8, new Shape(codes.Count), codes.ToArray());
        AddHalves(writer, Levels, levels);
        AddHalves(writer, Scales, scales);
        if (half) AddHalves(writer, Vectors, [.. vectors.Select(value => (Half)value)]);
        else writer.Add(Vectors, new Shape(vectors.Count), vectors.ToArray());
        return kept;
    }

    private static void AddHalves(SafetensorsWriter writer, string name, List<Half> values) => writer.Add(
        name, FileDataType.Float16, new Shape(values.Count), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(values)).ToArray());

    private static int BitsOf(PackedStorage storage, string name) =>
        name.StartsWith(Head, StringComparison.Ordinal) ? storage.HeadBits : storage.Bits;

    private static PackedStorage ReadStorage(WeightsFile file, string text)
    {
        try
        {
            PackedStorage? storage = JsonSerializer.Deserialize(text, AdapterJson.Default.PackedStorage);
            if (storage is { Bits: 1 or 2 or 4 or 8, HeadBits: 1 or 2 or 4 or 8, Block: PackedMatrix.Block, Tensors: not null })
                return storage;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"{file.Path}: '{StorageKey}' cannot be read: {e.Message}", e);
        }

        throw BadFile.Error(file.Path, StorageKey, $"expected 1, 2, 4 or 8 bits a number and blocks of {PackedMatrix.Block}");
    }

    /// <summary>Finds where each tensor lies; the file must hold exactly what all of them need.</summary>
    private void Locate(PackedStorage storage)
    {
        (long codes, long levels, long scales, long vectors) = (0, 0, 0, 0);
        (long allCodes, long allVectors) = (Require(Codes), Require(Vectors));
        foreach ((string name, int[] dims) in storage.Tensors)
        {
            if (dims is null || dims.Length > 8 || Array.Exists(dims, dim => dim < 1))
                throw Wrong($"the shape of '{BadFile.Shorten(name)}'");
            long count = 1;
            foreach (int dim in dims)
            {
                count *= dim;
                if (count > 8 * (allCodes + allVectors)) throw Wrong($"the shape of '{BadFile.Shorten(name)}'");
            }

            int bits = dims.Length > 1 ? BitsOf(storage, name) : 0;
            _shapes.Add(name, new Shape(dims));
            _places.Add(name, new Place(bits, bits == 0 ? vectors : codes, (int)levels, scales));
            if (bits == 0)
            {
                vectors += count;
                continue;
            }

            (codes, levels, scales) = (
                codes + PackedMatrix.CodeBytes(count, bits), levels + (1 << bits), scales + PackedMatrix.ScaleCount(count));
            if (codes > allCodes) throw Wrong(Codes);
        }

        (string, long)[] needs = [(Codes, codes), (Levels, levels), (Scales, scales), (Vectors, vectors)];
        foreach ((string name, long needed) in needs)
        {
            if (Require(name) != needed) throw BadFile.Error(_file.Path, name, $"it holds {Require(name)} elements, expected {needed}");
        }

        if (_file.Entries.Count != needs.Length)
            throw BadFile.Error(_file.Path, "a packed adapter holds codes, levels, scales and vectors, and nothing else");
    }

    private long Require(string name) => _file.Get(name).ElementCount;

    private InvalidDataException Wrong(string what) => BadFile.Error(_file.Path, StorageKey, $"{what} is not what the file holds");

    private byte[] Bytes(string name)
    {
        WeightsEntry entry = _file.Get(name);
        if (entry.Type != FileDataType.UInt8) throw BadFile.Error(_file.Path, name, $"it is {entry.Type}, expected {FileDataType.UInt8}");
        byte[] bytes = new byte[entry.ByteLength];
        _file.ReadBytes(entry, bytes);
        return bytes;
    }

    private float[] Floats(string name)
    {
        WeightsEntry entry = _file.Get(name);
        float[] values = new float[entry.ElementCount];
        _file.ReadFloat32(entry, values);
        return values;
    }

    /// <summary>Where a tensor begins: of a vector, with 0 bits, among the vectors.</summary>
    private readonly record struct Place(int Bits, long Codes, int Levels, long Scales);
}
