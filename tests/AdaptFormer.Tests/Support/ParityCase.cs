using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// A golden file: tensors and the configuration that they were made with. Its reader shares no code with the product's, so a
/// fault in one does not hide in the other.
/// </summary>
public sealed class ParityCase
{
    private readonly byte[] _bytes;
    private readonly int _dataStart;
    private readonly JsonElement _header;

    private ParityCase(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, headerLength)).RootElement;
        _dataStart = 8 + headerLength;
        Config = JsonDocument.Parse(_header.GetProperty("__metadata__").GetProperty("config").GetString()!).RootElement;
    }

    /// <summary>The folder whose cases run: <c>ADAPTFORMER_FIXTURES</c>, or the one in this repository.</summary>
    public static string Folder
    {
        get
        {
            string root = Environment.GetEnvironmentVariable("ADAPTFORMER_FIXTURES") is { Length: > 0 } given
                ? given
                : Path.Combine(AppContext.BaseDirectory, "Fixtures");
            string parity = Path.Combine(root, "parity");
            return Directory.Exists(parity) ? parity : root;
        }
    }

    public JsonElement Config { get; }

    public IEnumerable<string> Names => _header.EnumerateObject().Select(entry => entry.Name).Where(name => name != "__metadata__");

    /// <summary>Names of the files whose case is called <paramref name="prefix"/> or begins so.</summary>
    public static TheoryData<string> Files(string prefix) =>
        [.. Directory.GetFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal)
            .Where(path => (new ParityCase(path).Config.GetProperty("case").GetString() ?? "").StartsWith(prefix, StringComparison.Ordinal))
            .Select(path => Path.GetFileName(path))];

    public static ParityCase Open(string file) => new(Path.Combine(Folder, file));

    /// <summary>A file of this repository, whatever folder <c>ADAPTFORMER_FIXTURES</c> names.</summary>
    public static ParityCase OpenOwn(string file) => new(Path.Combine(AppContext.BaseDirectory, "Fixtures", "parity", file));

    public int[] Shape(string name) => [.. _header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];

    public float[] Floats(string name) => [.. Doubles(name).Select(x => (float)x)];

    public double[] Doubles(string name)
    {
        JsonElement entry = _header.GetProperty(name);
        int begin = entry.GetProperty("data_offsets")[0].GetInt32(), end = entry.GetProperty("data_offsets")[1].GetInt32();
        ReadOnlySpan<byte> data = _bytes.AsSpan(_dataStart + begin, end - begin);
        return entry.GetProperty("dtype").GetString() switch
        {
            "F32" => [.. MemoryMarshal.Cast<byte, float>(data).ToArray().Select(x => (double)x)],
            "F64" => MemoryMarshal.Cast<byte, double>(data).ToArray(),
            "I64" => [.. MemoryMarshal.Cast<byte, long>(data).ToArray().Select(x => (double)x)],
            "U8" => [.. data.ToArray().Select(x => (double)x)],
            string other => throw new InvalidDataException($"{name} is {other}"),
            null => throw new InvalidDataException($"{name} has no dtype"),
        };
    }

    public int[] Ints(string name) => [.. Doubles(name).Select(x => (int)x)];

    /// <summary>max|a-b| ≤ rtol · (max|b| + 0.05), the rule that the golden files were made for.</summary>
    public static void AssertClose(string what, IReadOnlyList<double> expected, IReadOnlyList<double> actual, double rtol)
    {
        Assert.Equal(expected.Count, actual.Count);
        double scale = 0, worst = 0;
        for (int i = 0; i < expected.Count; i++)
        {
            scale = Math.Max(scale, Math.Abs(expected[i]));
            double difference = Math.Abs(expected[i] - actual[i]);
            if (!(difference <= worst)) worst = difference; // also takes NaN, which then fails below
        }

        Assert.True(worst <= rtol * (scale + 0.05), $"{what}: differs by {worst:G3}, allowed {rtol * (scale + 0.05):G3} (largest value {scale:G4})");
    }

    public static void AssertClose(string what, float[] expected, float[] actual, double rtol) =>
        AssertClose(what, [.. expected.Select(x => (double)x)], [.. actual.Select(x => (double)x)], rtol);
}
