using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace AdaptFormer.Tests.Data;

/// <summary>The few lines of safetensors that the transform fixtures need.</summary>
internal sealed class ParityFile
{
    private readonly byte[] _bytes;
    private readonly JsonElement _header;
    private readonly int _start;

    public ParityFile(string name)
    {
        string folder = Environment.GetEnvironmentVariable("ADAPTFORMER_FIXTURES") is { Length: > 0 } given
            ? given
            : Path.Combine(AppContext.BaseDirectory, "Fixtures", "parity");
        _bytes = File.ReadAllBytes(Path.Combine(folder, name + ".safetensors"));
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(_bytes);
        _start = 8 + length;
        _header = JsonDocument.Parse(_bytes.AsMemory(8, length)).RootElement;
    }

    public IEnumerable<string> Names => _header.EnumerateObject().Select(p => p.Name).Where(n => n != "__metadata__");

    public int[] Shape(string name) => [.. _header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];

    public T[] Values<T>(string name)
        where T : unmanaged
    {
        JsonElement offsets = _header.GetProperty(name).GetProperty("data_offsets");
        return MemoryMarshal.Cast<byte, T>(_bytes.AsSpan((_start + offsets[0].GetInt32())..(_start + offsets[1].GetInt32()))).ToArray();
    }
}
