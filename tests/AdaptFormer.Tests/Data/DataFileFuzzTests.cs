using System.Buffers.Binary;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Video;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data.Video;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>
/// Damaged files that hold many items: MATLAB's, CIFAR's, shards, and videos with what ffprobe says of them. Each is opened and its items
/// are read, or it is refused by name. What is compressed or has checksums is mostly damaged within, and packed anew.
/// </summary>
public sealed class DataFileFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Matlab_files_of_numbers()
    {
        byte[] x = Variable(new MatWriter(false).Add("X", [32, 32, 3, 2], MatType.UInt8, new byte[6144])), y = Variable(new MatWriter(false).Add("y", [2, 1], MatType.UInt8, [10, 3]));
        string path = _folder["test_32x32.mat"];
        Run("mat numbers", path, Mat(false, x, y), rng => rng.NextInt(3) == 0 ? ByteDamage.Some(Mat(true, x, y), rng) : Mat(rng.NextInt(2) == 0, Some(x, rng), Some(y, rng)),
            () => ReadAll(SvhnDataset.Open(path)));
    }

    [Fact]
    public void Matlab_files_of_flowers()
    {
        byte[] labels = Variable(new MatWriter(false).Add("labels", [1, 3], MatType.UInt8, [1, 102, 3])), ids = Variable(new MatWriter(false).Add("trnid", [1, 2], MatType.Double, [.. BitConverter.GetBytes(1.0), .. BitConverter.GetBytes(3.0)]));
        string path = _folder["setid.mat"];
        _folder.Write("imagelabels.mat", Mat(true, labels));
        Run("mat flowers", path, Mat(true, ids), rng => Mat(rng.NextInt(2) == 0, ByteDamage.Some(ids, rng)), () => Flowers102Dataset.Open(_folder.Path, "train"));
    }

    [Fact]
    public void Matlab_files_of_structures()
    {
        byte[] synsets = Variable(new MatWriter(false).AddStructure("synsets", ["ILSVRC2012_ID", "WNID", "words"], Synset(3, "n01440764"), Synset(5, "n01443537"), Synset(1001, "n00001740")));
        foreach (string file in (string[])["train/n01440764/a.JPEG", "train/n01443537/a.JPEG", "val/a_1.JPEG", "val/a_2.JPEG"]) _folder.Write(file, "");
        _folder.Write("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "3\n5\n");
        string path = _folder.Write("ILSVRC2012_devkit_t12/data/meta.mat", Mat(true, synsets));
        Run("mat structures", path, Mat(true, synsets), rng => Mat(rng.NextInt(2) == 0, ByteDamage.Some(synsets, rng, start: 400)), () => DatasetSource.Open($"imagenet:{_folder.Path}", train: false));

        static byte[][] Synset(ushort id, string wnid) => [MatWriter.Numbers("", [1, 1], MatType.UInt16, BitConverter.GetBytes(id)), MatWriter.Text(wnid), MatWriter.Text("some words")];
    }

    [Fact]
    public void Records_and_pickles_of_CIFAR()
    {
        string binary = _folder["binary/data_batch_1.bin"], pickle = _folder["pickle/data_batch_1"];
        byte[] records = new byte[2 * 3073], pickled = CifarPickleTests.Batch(["labels"], [[3, 9]]);
        _folder.Write("binary/data_batch_1.bin", records);
        _folder.Write("pickle/data_batch_1", pickled);
        Run("cifar records", binary, records, rng => Some(records, rng), () => ReadAll(CifarDataset.Open(binary, labels: CifarLabels.Cifar10)));
        Run("cifar pickle", pickle, pickled, rng => ByteDamage.Some(pickled, rng, start: 250), () => ReadAll(CifarDataset.Open(pickle, labels: CifarLabels.Cifar10)));
    }

    [Theory]
    [InlineData(PackFormat.Jpeg)]
    [InlineData(PackFormat.Raw)]
    public void Shards_of_pictures(PackFormat format)
    {
        for (int i = 0; i < 3; i++) _folder.WritePng($"pictures/{i % 2}/{i}.png", (byte)(60 * i), 20 + i, 17);
        LabelledDataset pictures = DatasetSource.Open($"folder:{_folder["pictures"]}");
        ItemCache.Build(pictures, _folder["cache"], new PackOptions(16, format)).Dispose();
        ShardBytes sound = new(File.ReadAllBytes(_folder["cache/shard-00000.bin"]));
        Run($"shard {format}", _folder["cache/shard-00000.bin"], sound.Whole, rng => sound.Damage(rng, record => rng.NextInt(3) == 0 ? Some(record, rng) : ShardBytes.DamageClip(record, rng)), () =>
        {
            using CachedDataset cache = ItemCache.Open(pictures, _folder["cache"]);
            ReadAll(cache);
        });
    }

    [Fact]
    public void Shards_of_clips()
    {
        for (int t = 0; t < 5; t++) _folder.WritePng($"clips/a/{t}.png", (byte)(40 * t), 20, 17);
        FrameFolderDataset clips = new("clips", [new(_folder["clips/a"], 0), new(_folder["clips/a"], 0)], ["x"]);
        ItemCache.Build(clips, _folder["cache"], new PackOptions(ShortSide: 16, Every: 2)).Dispose();
        ShardBytes sound = new(File.ReadAllBytes(_folder["cache/shard-00000.bin"]));
        Run("shard clips", _folder["cache/shard-00000.bin"], sound.Whole, rng => sound.Damage(rng, record => ShardBytes.DamageClip(record, rng)), () =>
        {
            using CachedDataset cache = ItemCache.Open(clips, _folder["cache"]);
            using ClipBuffer into = new();
            for (int i = 0; i < cache.Count; i++)
            {
                int frames = cache.FrameCount(i);
                cache.Load(i, [0, frames / 2, frames - 1], into);
            }
        });
    }

    [Fact]
    public void What_is_said_of_videos()
    {
        const string Answer = """
            {"programs": [], "streams": [{"width": 32, "height": 24, "avg_frame_rate": "25/1", "nb_read_frames": "12", "tags": {"rotate": "90"},
            "side_data_list": [{"displaymatrix": "\n00000000:            0       65536           0\n00000001:       -65536           0           0\n", "rotation": -90}]}]}
            """;
        new Fuzz("video answers", output) { Named = "a.mp4" }.Run(rng => JsonDamage.Mutate(Answer, rng), bytes => FFmpeg.Info(bytes, "a.mp4", "it complained"));
    }

    [Theory]
    [InlineData("mp4")]
    [InlineData("avi")]
    [InlineData("webm")]
    public void Videos(string ending)
    {
        string path = FFmpegTests.Video(_folder, $"v.{ending}", frames: 6);
        byte[] sound = File.ReadAllBytes(path);

        // Two processes each, which have limits of their own: a fortieth of what others get.
        Fuzz fuzz = new($"video {ending}", output) { Few = 3, OneOf = 40, Named = path, Slow = TimeSpan.FromMinutes(5) };
        fuzz.Run(rng => ByteDamage.Some(sound, rng, start: 400), bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using ClipBuffer clip = new();
            VideoInfo info = FFmpeg.Probe(path);
            FFmpeg.Decode(path, info, [0, info.Frames - 1], clip);
        });
    }

    private void Run(string format, string path, byte[] sound, Func<Rng, byte[]> damage, Action use)
    {
        Use(sound);
        new Fuzz(format, output) { Named = _folder.Path, Allowed = file => (16 << 20) + (64L * file.Length) }.Run(damage, Use);

        void Use(byte[] file)
        {
            File.WriteAllBytes(path, file);
            use();
        }
    }

    private static void ReadAll(LabelledDataset data)
    {
        using ImageBuffer image = new();
        for (int i = 0; i < data.Count; i++)
        {
            Assert.InRange(data.Label(i), 0, data.ClassNames.Count - 1);
            data.Load(i, image);
        }
    }

    // Files that are mostly items: the changes are at the start, or make the file longer or shorter.
    private static byte[] Some(byte[] bytes, Rng rng) => rng.NextInt(4) == 0 ? [.. bytes] : ByteDamage.Some(bytes, rng, start: 120);

    private static byte[] Variable(MatWriter writer) => writer.ToArray()[128..];

    /// <summary>A file of some variables, compressed or not.</summary>
    private static byte[] Mat(bool compressed, params byte[][] variables)
    {
        byte[] header = new MatWriter().ToArray();
        return [.. header, .. variables.SelectMany(variable => compressed ? MatWriter.Deflated(variable) : variable)];
    }

    /// <summary>A shard taken apart: its header, and the records with their kinds.</summary>
    private sealed class ShardBytes
    {
        private readonly byte[] _header;
        private readonly List<(byte Kind, byte[] Bytes)> _records = [];

        public ShardBytes(byte[] whole)
        {
            (Whole, _header) = (whole, whole[..ShardHeader.Bytes]);
            int count = BinaryPrimitives.ReadInt32LittleEndian(whole.AsSpan(44));
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> entry = whole.AsSpan(ShardHeader.Bytes + (i * ShardHeader.EntryBytes));
                int offset = (int)(BinaryPrimitives.ReadUInt64LittleEndian(entry) & 0xFFFF_FFFF), length = BinaryPrimitives.ReadInt32LittleEndian(entry[8..]);
                _records.Add((entry[7], whole[offset..(offset + length)]));
            }
        }

        public byte[] Whole { get; }

        /// <summary>A damaged copy, mostly one whose checksums are right.</summary>
        public byte[] Damage(Rng rng, Func<byte[], byte[]> record)
        {
            if (rng.NextInt(4) == 0) return ByteDamage.Some(Whole, rng, start: 160);
            byte[] header = [.. _header];
            if (rng.NextInt(8) == 0) ByteDamage.One(header[40..56], rng).Take(16).ToArray().CopyTo(header.AsSpan(40));
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(56), Crc32C.Compute(header.AsSpan(0, 56)));
            byte[] index = new byte[_records.Count * ShardHeader.EntryBytes];
            List<byte> records = [];
            for (int i = 0; i < _records.Count; i++)
            {
                byte[] bytes = rng.NextInt(2) == 0 ? record(_records[i].Bytes) : _records[i].Bytes;
                byte kind = rng.NextInt(12) == 0 ? (byte)rng.NextInt(10) : _records[i].Kind;
                Span<byte> entry = index.AsSpan(i * ShardHeader.EntryBytes);
                BinaryPrimitives.WriteUInt64LittleEndian(entry, ((ulong)kind << 56) | (uint)(header.Length + index.Length + records.Count));
                BinaryPrimitives.WriteInt32LittleEndian(entry[8..], bytes.Length);
                BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], Crc32C.Compute(bytes));
                records.AddRange(bytes);
            }

            return [.. header, .. index, .. records];
        }

        /// <summary>A damaged record of a clip: its table is damaged and has the right checksum, or a frame is and has its own.</summary>
        public static byte[] DamageClip(byte[] record, Rng rng)
        {
            byte[] bytes = [.. record];
            int kept = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4)), table = ClipRecord.TableBytes(kept);
            if (rng.NextInt(3) == 0)
            {
                int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
                ByteDamage.One(bytes[table..(table + length)], rng).Take(length).ToArray().CopyTo(bytes.AsSpan(table));
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), Crc32C.Compute(bytes.AsSpan(table, length)));
            }
            else
            {
                int field = rng.NextInt(2 + (2 * kept)) * 4;
                int[] values = [0, 1, 2, -1, int.MaxValue, int.MinValue, rng.NextInt(3000), -rng.NextInt(3000)];
                int old = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(field)), value = values[rng.NextInt(values.Length)];
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(field), value);

                // What one frame has more, another has less: the sum of all stays right.
                if (field >= 8 && field % 8 == 0 && rng.NextInt(2) == 0 && kept > 1)
                {
                    int next = field == 8 ? 16 : 8;
                    BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(next), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(next)) + old - value);
                }
            }

            int end = ClipRecord.TableBytes(Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4)), 1, kept));
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(end - 4), Crc32C.Compute(bytes.AsSpan(0, end - 4)));
            return bytes;
        }
    }
}
