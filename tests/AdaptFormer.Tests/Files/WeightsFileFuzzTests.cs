using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>
/// Damaged files of every kind, made from good ones by a seeded generator: each opens and reads, or is refused with
/// <see cref="InvalidDataException"/>; none takes long, and none allocates much more than it is long. The environment variable
/// ADAPTFORMER_FUZZ gives the number of files, spread evenly over the kinds; without it there are a few hundred of each.
/// </summary>
public sealed class WeightsFileFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int DefaultFilesPerKind = 400;
    private const long FreeAllocation = 256 << 10;      // of which an exception with its stack trace takes a part
    private const int AllocationPerByte = 48;
    private static readonly TimeSpan SlowFile = TimeSpan.FromSeconds(5);
    private static readonly string[] Kinds = ["safetensors", "zip", "legacy", "npz", "npz-compressed", "npy", "index", "onnx"];

    private readonly TestFolder _folder = new();
    private readonly float[] _buffer = new float[4 << 20];

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> AllKinds => [.. Kinds];

    [Theory]
    [MemberData(nameof(AllKinds))]
    public async Task Damaged_files_are_read_or_refused_cleanly_quickly_and_frugally(string kind)
    {
        bool isLongRun = int.TryParse(Environment.GetEnvironmentVariable("ADAPTFORMER_FUZZ"), out int total);
        int count = isLongRun ? total / Kinds.Length : DefaultFilesPerKind;
        TimeSpan limit = TimeSpan.FromSeconds(120 + (count * 0.2));
        Tally tally = await Task.Run(() => Fuzz(kind, count)).WaitAsync(limit);

        output.WriteLine($"{kind}: {tally.Opened} opened, {tally.Refused} refused; slowest {tally.Slowest.TotalMilliseconds:F0} ms; "
            + $"at most {tally.MaxAllocated / 1024} KiB allocated for a file; working set grew by {tally.WorkingSetGrowth >> 20} MiB");
        Assert.True(tally.Opened > 0, "no damaged file could be opened: the mutations are too coarse to reach deep");
        Assert.True(tally.Refused > 0, "every damaged file was accepted");
        // Native memory shows here; other tests running beside would disturb it, so only in a run of its own.
        if (isLongRun) Assert.True(tally.WorkingSetGrowth < 256 << 20, $"the working set grew by {tally.WorkingSetGrowth >> 20} MiB");
    }

    private sealed record Tally(int Opened, int Refused, TimeSpan Slowest, long MaxAllocated, long WorkingSetGrowth);

    private Tally Fuzz(string kind, int count)
    {
        List<byte[]> seeds = Seeds(kind);
        string path = _folder.PathOf(kind == "index" ? "x.json" : "x");
        foreach (byte[] seed in seeds)
        {
            File.WriteAllBytes(path, seed);
            Use(path);      // also warms up what is allocated once
        }

        int opened = 0;
        long maxAllocated = 0, workingSet = Environment.WorkingSet;
        TimeSpan slowest = TimeSpan.Zero;
        for (int i = 0; i < count; i++)
        {
            Rng rng = new Rng(20).Derive(Array.IndexOf(Kinds, kind), i);
            byte[] bytes = Mutate(kind, Pick(rng, seeds), rng);
            File.WriteAllBytes(path, bytes);
            (bool isOpened, TimeSpan took, long allocated) = Try(path, bytes, $"{kind}, file {i}");
            // A busy machine may pause any one try for long, but not the same file three times in a row.
            for (int again = 0; again < 2 && took > SlowFile; again++) took = Try(path, bytes, $"{kind}, file {i}").Took;

            if (isOpened) opened++;
            if (took > slowest) slowest = took;
            maxAllocated = Math.Max(maxAllocated, allocated);
            Assert.True(took <= SlowFile, $"{kind}, file {i} of {bytes.Length} bytes took {took}");
            Assert.True(allocated < FreeAllocation + (AllocationPerByte * (long)bytes.Length), $"{kind}, file {i} of {bytes.Length} bytes allocated {allocated}");
        }

        return new Tally(opened, count - opened, slowest, maxAllocated, Environment.WorkingSet - workingSet);
    }

    private (bool IsOpened, TimeSpan Took, long Allocated) Try(string path, byte[] bytes, string what)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        bool isOpened = false;
        try
        {
            Use(path);
            isOpened = true;
        }
        catch (InvalidDataException e)
        {
            Assert.True(e.Message.Length < 2000 && e.Message.Contains(_folder.PathOf(""), StringComparison.Ordinal), $"{what}: {e.Message}");
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what}: {e.GetType().Name} instead of a clean refusal. {Convert.ToBase64String(bytes)}", e);
        }

        return (isOpened, Stopwatch.GetElapsedTime(start), GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Does with a file what a model loader does.</summary>
    private void Use(string path)
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
            if (bytes.Length > 0) bytes = Change(bytes, from, Math.Max(to, from + 1), rng);
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
            members[chosen] = (members[chosen].Name, Change(bytes, 0, Math.Min(bytes.Length, 4000), rng));
        }

        return PickleWriter.ZipBytes(compress ? CompressionLevel.Fastest : CompressionLevel.NoCompression, [.. members]);
    }

    private static byte[] Change(byte[] bytes, int from, int to, Rng rng)
    {
        int at = from + rng.NextInt(Math.Min(to, bytes.Length) - from);
        int length = Math.Min(1 + rng.NextInt(rng.NextInt(4) == 0 ? 64 : 8), bytes.Length - at);
        int other = rng.NextInt(bytes.Length - length + 1);
        byte[] changed = [.. bytes];
        switch (rng.NextInt(9))
        {
            case 0 or 1:
                changed[at] ^= (byte)(1 << rng.NextInt(8));
                return changed;
            case 2:
                changed[at] = (byte)rng.NextInt(256);
                return changed;
            case 3:
                ReadOnlySpan<byte> extreme = Extremes[rng.NextInt(Extremes.Length)];
                extreme[..Math.Min(extreme.Length, bytes.Length - at)].CopyTo(changed.AsSpan(at));
                return changed;
            case 4:
                bytes.AsSpan(other, length).CopyTo(changed.AsSpan(at));
                return changed;
            case 5:
                return [.. bytes[..at], .. bytes.AsSpan(other, length), .. bytes[at..]];
            case 6:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 7 when rng.NextInt(4) == 0:
                return bytes[..at];
            default:
                // Numbers in text: the headers of safetensors and numpy.
                int digit = changed.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
                if (digit >= 0) changed[at + digit] = (byte)('0' + rng.NextInt(10));
                return changed;
        }
    }

    private static byte[][] Extremes { get; } =
        [[0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0x80], "-1"u8.ToArray(), "99999999999"u8.ToArray()];

    private static byte[] Pick(Rng rng, List<byte[]> seeds) => seeds[rng.NextInt(seeds.Count)];
}
