using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>Damaged weights files of every kind: each opens and reads, or is refused; none allocates much more than it is long.</summary>
public sealed class WeightsFileFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly float[] _buffer = new float[4 << 20];

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> AllKinds => ["safetensors", "zip", "legacy", "npz", "npz-compressed", "npy", "index", "onnx"];

    [Theory]
    [MemberData(nameof(AllKinds))]
    public void Damaged_files_are_read_or_refused_cleanly_quickly_and_frugally(string kind)
    {
        List<byte[]> seeds = Seeds(kind);
        string path = _folder.PathOf(kind == "index" ? "x.json" : "x");
        foreach (byte[] seed in seeds) Use(seed);

        // Of the free bytes an exception with its stack trace takes a part.
        Fuzz fuzz = new(kind, output) { Few = 200, Named = _folder.PathOf(""), Allowed = file => (256 << 10) + (48L * file.Length) };
        fuzz.Run(rng => Mutate(kind, seeds[rng.NextInt(seeds.Count)], rng), Use);

        void Use(byte[] file)
        {
            File.WriteAllBytes(path, file);
            Read(path);
        }
    }

    /// <summary>Does with a file what a model loader does.</summary>
    private void Read(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        long length = new FileInfo(path).Length, bytes = 0;
        foreach (WeightsEntry entry in file.Entries.Values)
        {
            bytes += entry.ByteLength;
            Assert.True(bytes <= (16 << 20) + (100 * length) || file.Kind == "sharded", $"{entry} claims too much");
            if (entry.ElementCount <= _buffer.Length) file.ReadFloat32(entry, _buffer.AsSpan(0, (int)entry.ElementCount));
            if (entry.ByteLength <= _buffer.Length) file.ReadBytes(entry, MemoryMarshal.AsBytes(_buffer.AsSpan())[..(int)entry.ByteLength]);
            if (file.TryGetPointer(entry, out nint pointer) && entry.ByteLength > 0) _ = Marshal.ReadByte(pointer) + Marshal.ReadByte(pointer, (int)entry.ByteLength - 1);
            file.ReleasePages(entry);
        }
    }

    private List<byte[]> Seeds(string kind)
    {
        switch (kind)
        {
            case "safetensors": return Fixtures("mixed_dtypes.expected.safetensors", "strided_shared.expected.safetensors", "training_checkpoint_with_args.expected.safetensors");
            case "zip": return Fixtures("mixed_dtypes.pth", "strided_shared.pth", "training_checkpoint_with_args.pth", "malicious_getattr.pth")[..3];
            case "legacy": return Fixtures("mixed_dtypes_legacy.pth", "strided_shared_legacy.pth");
            case "npz": return [NumpyZip(CompressionLevel.NoCompression)];
            case "npz-compressed": return [NumpyZip(CompressionLevel.Optimal)];
            case "onnx": return [OnnxSamples.Named(), OnnxSamples.Anonymous()];
            case "npy": return [Npy("<f4", "True", "(4, 4)", 64), Npy("<i8", "False", "()", 8)];
            default:
                File.Copy(TestFolder.Fixture("strided_shared.pth"), _folder.PathOf("1.bin"));
                File.Copy(TestFolder.Fixture("mixed_dtypes.expected.safetensors"), _folder.PathOf("2.bin"));
                using (WeightsFile one = WeightsFile.Open(_folder.PathOf("1.bin")), two = WeightsFile.Open(_folder.PathOf("2.bin")))
                {
                    IEnumerable<string> map = one.Entries.Keys.Select(n => $"\"{n}\":\"1.bin\"").Concat(two.Entries.Keys.Select(n => $"\"{n}\":\"2.bin\""));
                    return [Encoding.UTF8.GetBytes("{\"metadata\":{\"total_size\":3000},\"weight_map\":{" + string.Join(",\n", map) + "}}")];
                }
        }
    }

    private static List<byte[]> Fixtures(params string[] names) => [.. names.Select(n => File.ReadAllBytes(TestFolder.Fixture(n)))];

    private static byte[] NumpyZip(CompressionLevel level) => PickleWriter.ZipBytes(level,
        ("Transformer/a.npy", Npy("<f4", "False", "(16, 8)", 512)), ("b.npy", Npy("<f2", "True", "(3, 5, 2)", 60)), ("c.npy", Npy("|u1", "False", "(2000,)", 2000)));

    private static byte[] Npy(string descr, string order, string shape, int dataBytes)
    {
        byte[] header = Encoding.ASCII.GetBytes($"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. new byte[dataBytes]];
    }

    /// <summary>
    /// One to four changes, mostly where the structure is. A change inside a zip file would nearly always stop at a checksum or
    /// at a contradiction, so half of those change one member and pack everything again, correctly.
    /// </summary>
    private static byte[] Mutate(string kind, byte[] seed, Rng rng)
    {
        if (kind is "zip" or "npz" or "npz-compressed" && rng.NextInt(2) == 0) return Repack(seed, rng, kind == "npz-compressed");
        byte[] bytes = seed;
        int changes = 1 + rng.NextInt(4);
        for (int i = 0; i < changes; i++)
        {
            // The structure is at the end of zip files and at the start of all others.
            (int from, int to) = kind switch
            {
                "zip" or "npz" or "npz-compressed" => (Math.Max(bytes.AsSpan().IndexOf("PK\x01\x02"u8), 0), bytes.Length),
                "safetensors" when rng.NextInt(4) > 0 => (0, Math.Min(8 + BitConverter.ToUInt16(seed), bytes.Length)),
                "npy" => (0, Math.Min(80, bytes.Length)),
                _ => (0, bytes.Length),
            };
            if (rng.NextInt(5) == 0) (from, to) = (0, bytes.Length);
            if (bytes.Length > 0) bytes = ByteDamage.One(bytes, rng, from, Math.Max(to, from + 1));
        }

        bool keepLength = kind == "safetensors" && bytes.Length != seed.Length && bytes.Length > 8 && rng.NextInt(2) == 0;
        if (keepLength)
        {
            // The header grew or shrank: state its new length, so that the parser sees the rest.
            bytes = [.. bytes];
            BitConverter.TryWriteBytes(bytes, Math.Max(0, BitConverter.ToInt64(seed) + bytes.Length - seed.Length));
        }

        return bytes;
    }

    private static byte[] Repack(byte[] seed, Rng rng, bool compress)
    {
        using ZipArchive zip = new(new MemoryStream(seed));
        List<(string Name, byte[] Bytes)> members = [];
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using Stream stream = entry.Open();
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            members.Add((entry.FullName, bytes.ToArray()));
        }

        int chosen = rng.NextInt(3) == 0 ? rng.NextInt(members.Count) : Math.Max(members.FindIndex(m => m.Name.EndsWith("data.pkl", StringComparison.Ordinal)), 0);
        for (int i = 1 + rng.NextInt(3); i > 0 && members[chosen].Bytes.Length > 0; i--)
        {
            byte[] bytes = members[chosen].Bytes;
            members[chosen] = (members[chosen].Name, ByteDamage.One(bytes, rng, 0, 4000));
        }

        return PickleWriter.ZipBytes(compress ? CompressionLevel.Fastest : CompressionLevel.NoCompression, [.. members]);
    }
}
