using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace AdaptFormer.Tests.Files;

/// <summary>Writes pickles opcode by opcode, also such as Python never would.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public PickleWriter(int protocol = 2) => Raw(0x80, (byte)protocol);

    /// <summary>A checkpoint with one storage "0" of four floats and whatever describes it.</summary>
    public static byte[] Zip(PickleWriter pickle, params (string Name, byte[] Bytes)[] members) =>
        ZipBytes(CompressionLevel.NoCompression, [("x/data.pkl", pickle.End()), .. members]);

    public static byte[] ZipBytes(CompressionLevel level, params (string Name, byte[] Bytes)[] members)
    {
        MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in members)
            {
                using Stream member = zip.CreateEntry(name, level).Open();
                member.Write(bytes);
            }
        }

        return stream.ToArray();
    }

    public PickleWriter Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Raw(char opcode) => Raw((byte)opcode);

    public PickleWriter Int(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Raw(0x8a, 8).Raw(bytes);
    }

    public PickleWriter Double(double value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return Raw('G').Raw(bytes);
    }

    public PickleWriter Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Raw('X').Raw(BitConverter.GetBytes(bytes.Length)).Raw(bytes);
    }

    public PickleWriter Global(string module, string name) => Raw(Encoding.Latin1.GetBytes($"c{module}\n{name}\n"));

    /// <summary>A tuple of 64-bit integers.</summary>
    public PickleWriter Ints(params long[] values)
    {
        Raw('(');
        foreach (long value in values) Int(value);
        return Raw('t');
    }

    /// <summary>The dictionary {key: what <paramref name="value"/> writes}.</summary>
    public PickleWriter Dict(string key, Action<PickleWriter> value)
    {
        Raw('}').Text(key);
        value(this);
        return Raw('s');
    }

    public PickleWriter Storage(string type = "FloatStorage", string key = "0", long count = 4, string module = "torch") =>
        Raw('(').Text("storage").Global(module, type).Text(key).Text("cpu").Int(count).Raw('t').Raw('Q');

    /// <summary>A float tensor in storage "0".</summary>
    public PickleWriter Tensor(long[] size, long[] stride, long offset = 0, string type = "FloatStorage", string key = "0", long count = 4) =>
        Global("torch._utils", "_rebuild_tensor_v2").Raw('(').Storage(type, key, count).Int(offset).Ints(size).Ints(stride)
            .Raw(0x89).Global("collections", "OrderedDict").Raw(')').Raw('R').Raw('t').Raw('R');

    public byte[] End()
    {
        Raw('.');
        return [.. _bytes];
    }
}
