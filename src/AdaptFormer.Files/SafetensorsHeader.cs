using System.Text.Json;
using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>The JSON header of a safetensors file, read strictly: nothing unknown, nothing twice, nothing missing.</summary>
internal sealed class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

    private SafetensorsHeader()
    {
    }

    /// <summary>One tensor; its bytes run from Begin to End (exclusive), counted from the end of the header.</summary>
    public readonly record struct Tensor(string Name, FileDataType Type, Shape Shape, long Begin, long End);

    /// <summary>The tensors in the order of the header.</summary>
    public List<Tensor> Tensors { get; } = [];

    /// <summary>The texts of <c>__metadata__</c>.</summary>
    public OrderedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads a header.</summary>
    /// <exception cref="InvalidDataException">The header breaks a rule of the format.</exception>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 3 });
        try
        {
            return new Parser(path).Parse(ref reader);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: the safetensors header is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)      // the reader's answer to text that is not valid Unicode
        {
            throw new InvalidDataException($"{path}: the safetensors header holds invalid text: {e.Message}", e);
        }
    }

    private sealed class Parser(string path)
    {
        private readonly SafetensorsHeader _header = new();
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private readonly List<long> _numbers = [];

        public SafetensorsHeader Parse(ref Utf8JsonReader reader)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject || reader.TokenStartIndex != 0)
                throw BadFile.Error(path, "the safetensors header is not a JSON object");

            while (NextProperty(ref reader, out string name))
            {
                if (!_names.Add(name)) throw BadFile.Error(path, name, "the name occurs twice in the header");
                if (reader.TokenType != JsonTokenType.StartObject) throw BadFile.Error(path, name, "a JSON object is expected");
                if (name == MetadataKey) ReadMetadata(ref reader);
                else _header.Tensors.Add(ReadTensor(ref reader, name));
            }

            _ = reader.Read();      // throws if anything but white space follows
            return _header;
        }

        private void ReadMetadata(ref Utf8JsonReader reader)
        {
            while (NextProperty(ref reader, out string key))
            {
                if (reader.TokenType != JsonTokenType.String)
                    throw BadFile.Error(path, MetadataKey, $"'{BadFile.Shorten(key)}' is not a text");
                if (!_header.Metadata.TryAdd(key, reader.GetString()!))
                    throw BadFile.Error(path, MetadataKey, $"'{BadFile.Shorten(key)}' occurs twice");
            }
        }

        private Tensor ReadTensor(ref Utf8JsonReader reader, string name)
        {
            FileDataType? type = null;
            long[]? dims = null, offsets = null;
            while (NextProperty(ref reader, out string field))
            {
                bool fresh = field switch
                {
                    "dtype" => type is null,
                    "shape" => dims is null,
                    "data_offsets" => offsets is null,
                    _ => throw BadFile.Error(path, name, $"unknown field '{BadFile.Shorten(field)}'; known: dtype, shape, data_offsets"),
                };
                if (!fresh) throw BadFile.Error(path, name, $"the field '{field}' occurs twice");

                if (field == "dtype") type = ReadType(ref reader, name);
                else if (field == "shape") dims = ReadNumbers(ref reader, name, field);
                else offsets = ReadNumbers(ref reader, name, field);
            }

            if (type is null || dims is null || offsets is null)
            {
                string missing = type is null ? "dtype" : dims is null ? "shape" : "data_offsets";
                throw BadFile.Error(path, name, $"the field '{missing}' is missing");
            }

            return Check(name, type.Value, dims, offsets);
        }

        private Tensor Check(string name, FileDataType type, long[] dims, long[] offsets)
        {
            if (!FileShapes.TryCreate(dims, type.Size(), out Shape shape, out string problem)) throw BadFile.Error(path, name, problem);
            if (offsets.Length != 2) throw BadFile.Error(path, name, $"data_offsets has {offsets.Length} numbers, expected 2");
            if (offsets[0] > offsets[1]) throw BadFile.Error(path, name, $"data_offsets [{offsets[0]}, {offsets[1]}] run backwards");
            long bytes = shape.Length * type.Size();
            if (offsets[1] - offsets[0] != bytes)
            {
                throw BadFile.Error(path, name,
                    $"{type.SafetensorsName()} {shape} needs {bytes} bytes, but data_offsets [{offsets[0]}, {offsets[1]}] hold "
                    + $"{offsets[1] - offsets[0]}");
            }

            return new Tensor(name, type, shape, offsets[0], offsets[1]);
        }

        private FileDataType ReadType(ref Utf8JsonReader reader, string name)
        {
            string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            return FileDataTypes.TryParseSafetensors(text, out FileDataType type)
                ? type
                : throw BadFile.Error(path, name,
                    $"dtype '{BadFile.Shorten(text ?? "?")}' is not known; known: {FileDataTypes.KnownSafetensorsNames}");
        }

        private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string field)
        {
            if (reader.TokenType != JsonTokenType.StartArray) throw BadFile.Error(path, name, $"{field} is not a list");
            _numbers.Clear();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
                    throw BadFile.Error(path, name, $"{field} holds something other than whole numbers from 0 to {long.MaxValue}");
                _numbers.Add(number);
            }

            return [.. _numbers];
        }

        /// <summary>Moves to the value of the next property; false at the end of the object.</summary>
        private static bool NextProperty(ref Utf8JsonReader reader, out string name)
        {
            _ = reader.Read();
            name = reader.TokenType == JsonTokenType.PropertyName ? reader.GetString()! : "";
            return reader.TokenType == JsonTokenType.PropertyName && reader.Read();
        }
    }
}
