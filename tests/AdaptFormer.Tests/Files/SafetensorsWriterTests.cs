using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Whatever_is_written_is_read_back_bit_by_bit()
    {
        Gen<string> text = Gen.OneOf(
            Gen.Elements("blocks.0.mlp.fc1.weight", "a/b", "", "quote\" and \\", "ä–漢字😀", "\t"),
            ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => s.Get).Where(IsValidText));
        Gen<(string, FileDataType, int[], byte)> tensor =
            from name in text
            from type in Gen.Elements(Enum.GetValues<FileDataType>())
            from dims in Gen.Choose(0, 4).ArrayOf().Resize(4)
            from fill in Gen.Choose(0, 255)
            select (name, type, dims, (byte)fill);
        Gen<((string, FileDataType, int[], byte)[] Tensors, (string, string)[] Metadata, bool Sorted)> contents =
            from tensors in tensor.ArrayOf()
            from metadata in text.Two().Select(t => (t.Item1, t.Item2)).ArrayOf()
            from sorted in ArbMap.Default.GeneratorFor<bool>()
            select (tensors, metadata, sorted);

        Prop.ForAll(contents.ToArbitrary(), c => RoundTrips(c.Tensors, c.Metadata, c.Sorted)).Check(Config.QuickThrowOnFailure);
    }

    private void RoundTrips((string Name, FileDataType Type, int[] Dims, byte Fill)[] tensors, (string Key, string Value)[] metadata, bool sorted)
    {
        tensors = [.. tensors.DistinctBy(t => t.Name).Where(t => t.Name != "__metadata__")];
        SafetensorsWriter writer = new() { Sorted = sorted };
        foreach ((string key, string value) in metadata) writer.Metadata[key] = value;
        Dictionary<string, byte[]> expected = [];
        foreach ((string name, FileDataType type, int[] dims, byte fill) in tensors)
        {
            Shape shape = new(dims);
            byte[] bytes = [.. Enumerable.Range(0, (int)shape.Length * type.Size()).Select(i => (byte)(fill + (31 * i)))];
            expected.Add(name, bytes);
            writer.Add(name, type, shape, bytes);
        }

        using WeightsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", Bytes(writer)));

        Assert.Equal(writer.Metadata, file.Metadata);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), file.Entries.Keys.Order(StringComparer.Ordinal));
        if (!sorted) Assert.Equal(tensors.Select(t => t.Name), file.Entries.Keys);
        foreach ((string name, FileDataType type, int[] dims, _) in tensors)
        {
            WeightsEntry entry = file.Entries[name];
            Assert.Equal((type, new Shape(dims)), (entry.Type, entry.Shape));
            byte[] bytes = new byte[entry.ByteLength];
            file.ReadBytes(entry, bytes);
            Assert.Equal(expected[name], bytes);
            Assert.True(!sorted || file.TryGetPointer(entry, out _), "sorted tensors are aligned");
        }
    }

    [Fact]
    public void Equal_contents_give_equal_bytes_in_whatever_order_they_were_added()
    {
        SafetensorsWriter forward = new(), backward = new();
        (string Name, FileDataType Type)[] tensors = [("b", FileDataType.Bool), ("a", FileDataType.Float32), ("c", FileDataType.Float64), ("d", FileDataType.Float32)];
        foreach ((string name, FileDataType type) in tensors) forward.Add(name, type, new Shape(3), new byte[3 * type.Size()]);
        foreach ((string name, FileDataType type) in tensors.Reverse()) backward.Add(name, type, new Shape(3), new byte[3 * type.Size()]);

        byte[] bytes = Bytes(forward);

        Assert.Equal(bytes, Bytes(backward));
        Assert.Equal(0, BitConverter.ToInt64(bytes) % 8);
        using WeightsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", bytes));
        Assert.Equal(["c", "a", "d", "b"], file.Entries.Keys);
    }

    [Fact]
    public void A_loaded_file_can_be_saved_over_with_its_own_tensors()
    {
        string path = _folder.PathOf("a.safetensors");
        float[] values = [.. Enumerable.Range(0, 100_000).Select(i => i * 0.5f)];
        SafetensorsWriter first = new();
        first.Add("w", new Shape(values.Length), values);
        first.Save(path);

        using WeightsFile loaded = SafetensorsFile.Open(path);
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows does not replace mapped files");
        SafetensorsWriter second = new();
        second.Metadata["note"] = "a longer header, so that every byte moves";
        second.Add("v", FileDataType.Float32, new Shape(values.Length), stream => CopyTensor(loaded, "w", stream));
        second.Save(path);

        using WeightsFile again = SafetensorsFile.Open(path);
        Assert.Equal(values, Floats(again, "v"));
        Assert.Equal(values, Floats(loaded, "w"));      // the open map still shows the old content
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        SafetensorsWriter writer = new();
        Assert.Throws<ArgumentException>(() => writer.Add("a", new Shape(2, 2), new float[3]));
        Assert.Throws<ArgumentException>(() => writer.Add("a", FileDataType.Int64, new Shape(2), new byte[8]));
        writer.Add("a", new Shape(2), new float[2]);
        Assert.Throws<ArgumentException>(() => writer.Add("a", new Shape(2), new float[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", new Shape(2), new float[2]));
    }

    [Fact]
    public void A_tensor_that_writes_too_little_keeps_the_old_file()
    {
        string path = _folder.Write("a.safetensors", "old"u8);
        SafetensorsWriter writer = new();
        writer.Add("w", FileDataType.UInt8, new Shape(5), stream => stream.Write(new byte[4]));
        Assert.Contains("'w' [5] needs 5 bytes, but 4", Assert.Throws<InvalidOperationException>(() => writer.Save(path)).Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
    }

    private static bool IsValidText(string text)
    {
        try
        {
            _ = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(text);
            return true;
        }
        catch (System.Text.EncoderFallbackException)
        {
            return false;
        }
    }

    private static byte[] Bytes(SafetensorsWriter writer)
    {
        using MemoryStream stream = new();
        writer.Write(stream);
        return stream.ToArray();
    }

    private static void CopyTensor(WeightsFile from, string name, Stream to) => to.Write(MemoryMarshal.AsBytes<float>(Floats(from, name)));

    private static float[] Floats(WeightsFile file, string name)
    {
        float[] values = new float[file.Entries[name].ElementCount];
        file.ReadFloat32(file.Entries[name], values);
        return values;
    }
}
