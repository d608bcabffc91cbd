using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>Adapter files in few bits a number: read by everything that reads adapter files, small, and as safe as the others.</summary>
public sealed class AdapterPackingTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Labels = ["ant", "bee", "cat"];
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, Tuning> All => new()
    {
        ["adaptformer"] = AdaptFormerTuning.OfficialImage,
        ["everything chosen"] = new AdaptFormerTuning(4, 0.5f, LearnScale: true, Input: AdapterInput.OwnNormIn, Head: HeadKind.Plain),
        ["convolution"] = new AdaptFormerTuning(4, Form: AdapterForm.Conv),
        ["vpt"] = new VptTuning(2),
        ["linear"] = new LinearProbe(),
        ["lora"] = new LoraTuning(2, 4, "q,v,fc2"),
        ["ssf"] = new SsfTuning(),
        ["houlsby"] = new HoulsbyTuning(3),
        ["bitfit"] = new BitFitTuning(),
        ["norm"] = new NormTuning(HeadKind.Plain),
    };

    public static TheoryData<string, int> Cells
    {
        get
        {
            TheoryData<string, int> cells = [];
            foreach (string method in All.Keys)
            {
                foreach (int bits in (int[])[1, 4]) cells.Add(method, bits);
            }

            return cells;
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void A_packed_file_answers_its_self_test_in_the_model_and_apart_from_it(string method, int bits)
    {
        (string backbone, string plain, string packed) = (TinyBackbone.Save(_folder), _folder.PathOf("plain.safetensors"), _folder.PathOf("packed.safetensors"));
        using (Backbone tuned = Tuned(backbone, All[method])) AdapterFile.Save(plain, tuned, All[method], Labels, metrics: new Dictionary<string, double> { ["test_top1"] = 70 });
        using Backbone model = TinyBackbone.Open(backbone);
        AdapterInfo written = AdapterPacking.Pack(plain, packed, model, bits), old = AdapterFile.Open(plain), info = AdapterFile.Open(packed);
        Assert.Null(model.Head);
        Assert.Equal((bits, old.Parameters, old.Tuning), (info.Bits, info.Parameters, info.Tuning));
        Assert.Equal((info.Bits, info.FileBytes), (written.Bits, written.FileBytes));
        Assert.Equal((32, 70.0), (old.Bits, info.Metrics["test_top1"]));
        Assert.Equal(old.Backbone, info.Backbone);

        using AdapterTask apart = AdapterTask.Load(packed, model);
        apart.CheckAnswer();
        AdapterFile.Load(packed, model);
        using TensorScope scope = new();
        using Backbone bare = TinyBackbone.Open(backbone);
        Shape one = new([1, .. model.InputShape]);
        Tensor pixels = Tensor.From(new float[one.Length], one);
        using AdapterTask onBare = AdapterTask.Load(packed, bare);
        Assert.All(model.Forward(pixels).ToArray().Zip(bare.Forward(pixels, onBare.Slots).ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));

        // 32 bits write the packed numbers as they are.
        string unpacked = _folder.PathOf("unpacked.safetensors");
        AdapterInfo wide = AdapterPacking.Pack(packed, unpacked, bare, 32);
        Assert.Equal(32, wide.Bits);
        Assert.All(info.SelfTest.Logits.Zip(wide.SelfTest.Logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public void Fewer_bits_take_less_room_and_eight_change_next_to_nothing()
    {
        (string plain, Backbone opened) = Adapter(new AdaptFormerTuning(64));
        using Backbone model = opened;
        float[] exact = AdapterFile.Open(plain).SelfTest.Logits;
        long before = new FileInfo(plain).Length;
        foreach (int bits in (int[])[8, 4, 2, 1])
        {
            AdapterInfo packed = AdapterPacking.Pack(plain, _folder.PathOf($"{bits}.safetensors"), model, bits);
            double change = exact.Zip(packed.SelfTest.Logits, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs);
            output.WriteLine($"{bits} bits: {packed.FileBytes} bytes, logits move by {change:P1}");
            Assert.True(packed.FileBytes < before, $"{bits} bits: {packed.FileBytes} bytes of {before}");
            if (bits == 8) Assert.InRange(change, 0, 0.05);
            before = packed.FileBytes;
        }
    }

    [Fact]
    public void The_self_test_finds_numbers_that_changed_under_a_sound_header()
    {
        (string plain, Backbone opened) = Adapter(new AdaptFormerTuning(8));
        using Backbone model = opened;
        string packed = _folder.PathOf("packed.safetensors");
        AdapterPacking.Pack(plain, packed, model, 1);
        byte[] bytes = File.ReadAllBytes(packed);
        for (int i = bytes.Length - 400; i < bytes.Length; i++) bytes[i] ^= 0xFF;       // the codes stand last
        Assert.Contains("self-test", Assert.Throws<InvalidDataException>(() => AdapterFile.Load(_folder.Write("flipped.safetensors", bytes), model)).Message);
        using AdapterTask task = AdapterTask.Load(_folder.PathOf("flipped.safetensors"), model);
        Assert.Throws<InvalidDataException>(task.CheckAnswer);
    }

    [Fact]
    public void Training_starts_from_a_packed_file()
    {
        AdaptFormerTuning tuning = new(8);
        (string plain, Backbone opened) = Adapter(tuning);
        using Backbone model = opened;
        string packed = _folder.PathOf("packed.safetensors");
        AdapterPacking.Pack(plain, packed, model, 8);
        tuning.Attach(model, 3, new Rng(9));
        Assert.Contains("its head included", WarmStart.Apply(packed, model, tuning, Labels)[0]);
        using Backbone loaded = TinyBackbone.Open(_folder.PathOf("backbone.safetensors"));
        AdapterFile.Load(packed, loaded);
        Assert.Equal(TinyBackbone.Logits(loaded), TinyBackbone.Logits(model));
    }

    [Fact]
    public void What_cannot_be_packed_is_refused_and_nothing_is_written()
    {
        (string plain, Backbone opened) = Adapter(new AdaptFormerTuning(4));
        using Backbone model = opened;
        string target = _folder.PathOf("target.safetensors"), full = _folder.PathOf("full.safetensors");
        Assert.Contains("possible are 1, 2, 4, 8, 32", Assert.Throws<ArgumentException>(() => AdapterPacking.Pack(plain, target, model, 3)).Message);
        using (Backbone tuned = Tuned(_folder.PathOf("backbone.safetensors"), new FullTuning())) AdapterFile.Save(full, tuned, new FullTuning(), Labels);
        Assert.Contains("full tuning", Assert.Throws<ArgumentException>(() => AdapterPacking.Pack(full, target, model, 4)).Message);
        using Backbone other = TinyBackbone.Open(TinyBackbone.Save(_folder, seed: 2, "other.safetensors"));
        Assert.Contains("other weights", Assert.Throws<InvalidDataException>(() => AdapterPacking.Pack(plain, target, other, 4)).Message);
        Assert.False(File.Exists(target));
    }

    [Fact]
    public void Damaged_packed_files_are_read_or_refused_in_words()
    {
        (string plain, Backbone opened) = Adapter(new AdaptFormerTuning(4));
        using Backbone model = opened;
        string packed = _folder.PathOf("packed.safetensors"), path = _folder.PathOf("damaged.safetensors");
        AdapterPacking.Pack(plain, packed, model, 1);
        byte[] bytes = File.ReadAllBytes(packed);
        string storage;
        using (WeightsFile file = WeightsFile.Open(packed)) storage = file.Metadata["storage"];
        new Fuzz("packed adapter", output) { Few = 200, Named = path, Allowed = _ => 64 << 20 }.Run(
            rng => rng.NextInt(2) == 0 ? ByteDamage.Some(bytes, rng, start: 4000) : WithStorage(packed, JsonDamage.MutateText(storage, rng)),
            damaged =>
            {
                File.WriteAllBytes(path, damaged);
                AdapterFile.Load(path, model);
            });
    }

    private static byte[] WithStorage(string packed, string storage)
    {
        using WeightsFile file = WeightsFile.Open(packed);
        SafetensorsWriter writer = new();
        foreach ((string name, string value) in file.Metadata) writer.Metadata[name] = name == "storage" ? storage : value;
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            byte[] content = new byte[entry.ByteLength];
            file.ReadBytes(entry, content);
            writer.Add(name, entry.Type, entry.Shape, content);
        }

        using MemoryStream written = new();
        writer.Write(written);
        return written.ToArray();
    }

    private (string Path, Backbone Model) Adapter(Tuning tuning)
    {
        string backbone = TinyBackbone.Save(_folder), path = _folder.PathOf("adapter.safetensors");
        using (Backbone tuned = Tuned(backbone, tuning)) AdapterFile.Save(path, tuned, tuning, Labels);
        return (path, TinyBackbone.Open(backbone));
    }

    private static Backbone Tuned(string backbone, Tuning tuning)
    {
        Backbone model = TinyBackbone.Open(backbone);
        tuning.Attach(model, Labels.Length, new Rng(3));
        HashSet<string> trained = [.. model.TrainableParameters().Concat(model.Buffers()).Select(entry => entry.Key)];
        TinyBackbone.Randomize(model, 4, trained.Contains);
        return model;
    }
}
