using System.Text.Json;

namespace AdaptFormer.Files;

/// <summary>
/// Reads the index that large Hugging Face models come with (<c>model.safetensors.index.json</c>) and shows the files that it
/// names, which lie beside it, as one.
/// </summary>
public static class ShardIndexFile
{
    private const int MaxIndexBytes = 64 << 20;
    private const int MaxShards = 4096;

    /// <summary>Opens an index and all of its shards.</summary>
    /// <exception cref="IOException">The index or a shard cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="InvalidDataException">The index or a shard is damaged, or they contradict each other.</exception>
    public static WeightsFile Open(string path)
    {
        using MappedFile file = new(path);
        return Open(file);
    }

    /// <summary>Opens the shards of a mapped index, which still belongs to the caller.</summary>
    internal static WeightsFile Open(MappedFile index)
    {
        (OrderedDictionary<string, string> shardOf, OrderedDictionary<string, string> metadata) = Read(index);
        ShardSet shards = new();
        try
        {
            OrderedDictionary<string, WeightsEntry> entries = new(shardOf.Count, StringComparer.Ordinal);
            string folder = Path.GetDirectoryName(Path.GetFullPath(index.Path))!;
            foreach ((string name, string shardName) in shardOf)
            {
                WeightsFile shard = shards.GetOrOpen(index.Path, folder, shardName);
                if (!shard.Entries.TryGetValue(name, out WeightsEntry? entry))
                    throw BadFile.Error(index.Path, name, $"the index places it in {shardName}, which does not hold it");
                entries.Add(name, entry);
            }

            foreach (WeightsFile shard in shards.Files)
            {
                if (shard.Entries.Keys.FirstOrDefault(name => !shardOf.TryGetValue(name, out string? at)
                    || at != Path.GetFileName(shard.Path)) is { } extra)
                    throw BadFile.Error(index.Path, extra,
                        $"{Path.GetFileName(shard.Path)} holds it, but the index does not place it there");
            }

            return new WeightsFile(index.Path, "sharded", metadata, entries, shards);
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    private static (OrderedDictionary<string, string> ShardOf, OrderedDictionary<string, string> Metadata) Read(MappedFile index)
    {
        if (index.Length > MaxIndexBytes)
            throw BadFile.Error(index.Path, $"the index has {index.Length} bytes, at most {MaxIndexBytes} are read");
        OrderedDictionary<string, string>? shardOf = null, metadata = null;
        try
        {
            Utf8JsonReader reader = new(index.Slice(0, (int)index.Length), new JsonReaderOptions { MaxDepth = 8 });
            _ = reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw BadFile.Error(index.Path, "the index is not a JSON object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                _ = reader.Read();
                if (name == "weight_map" && shardOf is null) shardOf = ReadTexts(index.Path, ref reader, name, onlyTexts: true);
                else if (name == "metadata" && metadata is null) metadata = ReadTexts(index.Path, ref reader, name, onlyTexts: false);
                else throw BadFile.Error(index.Path, name, "the index has it twice, or should not have it; known: metadata, weight_map");
            }

            _ = reader.Read();      // throws if anything but white space follows
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{index.Path}: it looks like a sharded index, but is not valid JSON: {e.Message}", e);
        }

        return (shardOf ?? throw BadFile.Error(index.Path, "it is JSON, but not a sharded index: weight_map is missing"), metadata ?? []);
    }

    private static OrderedDictionary<string, string> ReadTexts(string path, ref Utf8JsonReader reader, string field, bool onlyTexts)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw BadFile.Error(path, field, "a JSON object is expected");
        OrderedDictionary<string, string> texts = new(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            _ = reader.Read();
            string? text = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString(),
                JsonTokenType.Number when !onlyTexts => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
                JsonTokenType.True or JsonTokenType.False when !onlyTexts => reader.GetBoolean() ? "true" : "false",
                _ => null,
            };
            if (text is null && onlyTexts) throw BadFile.Error(path, field, $"'{BadFile.Shorten(key)}' is not a text");
            if (text is null) reader.Skip();
            else if (!texts.TryAdd(key, text)) throw BadFile.Error(path, field, $"'{BadFile.Shorten(key)}' occurs twice");
        }

        return texts;
    }

    private sealed class ShardSet : IDisposable
    {
        private readonly Dictionary<string, WeightsFile> _files = new(StringComparer.Ordinal);

        public IEnumerable<WeightsFile> Files => _files.Values;

        public WeightsFile GetOrOpen(string index, string folder, string name)
        {
            if (_files.TryGetValue(name, out WeightsFile? known)) return known;
            if (name.Length is 0 or > 255 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\\', ':') >= 0
                || name.Any(char.IsControl))
                throw BadFile.Error(index, name, "the index may only name files in its own folder");
            if (_files.Count == MaxShards) throw BadFile.Error(index, $"the index names more than {MaxShards} files");

            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
                throw BadFile.Error(index, name, "the index names this file, but it is not there; download all parts into one folder");
            WeightsFile file = WeightsFileKinds.Open(path, allowIndex: false);
            _files.Add(name, file);
            return file;
        }

        public void Dispose()
        {
            foreach (WeightsFile file in _files.Values) file.Dispose();
        }
    }
}
