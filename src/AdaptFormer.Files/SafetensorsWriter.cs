using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>Collects named tensors and writes them as one safetensors file. Nothing is copied: the data is read when the file is
/// written.</summary>
public sealed class SafetensorsWriter
{
    private const int Alignment = 8;
    private readonly List<Item> _items = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal) { "__metadata__" };

    private sealed record Item(string Name, FileDataType Type, Shape Shape, Action<Stream> Write)
    {
        public long ByteLength => Shape.Length * Type.Size();
    }

    /// <summary>Texts to keep beside the tensors, written in ordinal order of their keys.</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Whether tensors are written with the widest element type first and then by name: every tensor is then aligned to its
    /// element size, and equal contents give equal bytes. If false, they keep the order in which they were added.
    /// </summary>
    public bool Sorted { get; init; } = true;

    /// <summary>Adds a tensor whose bytes are produced while the file is written.</summary>
    /// <param name="name">Unique; not <c>__metadata__</c>.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="shape">Lengths of the axes.</param>
    /// <param name="write">Writes exactly the elements, little-endian, in row-major order.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved.</exception>
    public void Add(string name, FileDataType type, Shape shape, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (!_names.Add(name)) throw new ArgumentException($"SafetensorsWriter: the name '{name}' is taken or reserved.", nameof(name));
        _items.Add(new Item(name, type, shape, write));
    }

    /// <summary>Adds a tensor from its bytes.</summary>
    /// <param name="name">Unique; not <c>__metadata__</c>.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="shape">Lengths of the axes.</param>
    /// <param name="bytes">The elements, little-endian, in row-major order; must not change before the file is written.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved, or the bytes do not fit the shape.</exception>
    public void Add(string name, FileDataType type, Shape shape, ReadOnlyMemory<byte> bytes)
    {
        CheckCount(name, shape, shape.Length * type.Size(), bytes.Length, "bytes");
        Add(name, type, shape, stream => stream.Write(bytes.Span));
    }

    /// <summary>Adds a tensor of 32-bit floats.</summary>
    /// <param name="name">Unique; not <c>__metadata__</c>.</param>
    /// <param name="shape">Lengths of the axes.</param>
    /// <param name="values">The elements in row-major order; must not change before the file is written.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved, or the number of values does not fit the shape.</exception>
    public void Add(string name, Shape shape, ReadOnlyMemory<float> values)
    {
        CheckCount(name, shape, shape.Length, values.Length, "values");
        Add(name, FileDataType.Float32, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));
    }

    /// <summary>Writes the file atomically; see <see cref="AtomicFile.Write"/>.</summary>
    /// <exception cref="InvalidOperationException">A tensor wrote another number of bytes than its shape has, or the header exceeds what
    /// readers accept.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file does not permit it.</exception>
    public void Save(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the file's bytes to a seekable stream.</summary>
    /// <exception cref="InvalidOperationException">A tensor wrote another number of bytes than its shape has, or the header exceeds what
    /// readers accept.</exception>
    public void Write(Stream stream)
    {
        IReadOnlyList<Item> items = Sorted
            ? [.. _items.OrderByDescending(t => t.Type.Size()).ThenBy(t => t.Name, StringComparer.Ordinal)]
            : _items;
        byte[] header = Header(items);
        Span<byte> length = stackalloc byte[SafetensorsFile.LengthBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (Item t in items)
        {
            long start = stream.Position;
            t.Write(stream);
            if (stream.Position - start != t.ByteLength)
                throw new InvalidOperationException(
                    $"SafetensorsWriter: '{t.Name}' {t.Shape} needs {t.ByteLength} bytes, but {stream.Position - start} were written.");
        }
    }

    private byte[] Header(IReadOnlyList<Item> items)
    {
        using MemoryStream buffer = new();
        // Names and metadata keep their own letters instead of escapes; nothing here ends up in a web page.
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in Metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (Item t in items)
            {
                json.WriteStartObject(t.Name);
                json.WriteString("dtype", t.Type.SafetensorsName());
                json.WriteStartArray("shape");
                foreach (int dim in t.Shape.Dims) json.WriteNumberValue(dim);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += t.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % Alignment != 0) buffer.WriteByte((byte)' ');
        if (buffer.Length > SafetensorsFile.MaxHeaderBytes)
            throw new InvalidOperationException(
                $"SafetensorsWriter: the header has {buffer.Length} bytes, readers accept {SafetensorsFile.MaxHeaderBytes}.");
        return buffer.ToArray();
    }

    private static void CheckCount(string name, Shape shape, long expected, int got, string unit)
    {
        if (got != expected) throw new ArgumentException($"SafetensorsWriter: '{name}' {shape} needs {expected} {unit}, got {got}.");
    }
}
