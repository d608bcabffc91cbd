using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>Damaged texts in adapter files: read, or refused with the file's name before memory is taken for what they claim.</summary>
public sealed class AdapterHeaderFuzzTests(ITestOutputHelper output) : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("adapter-layers-null.safetensors", "layers: null")]
    [InlineData("adapter-oom.safetensors", "2000000000 wide")]
    public void What_the_texts_claim_and_the_tensors_do_not_have_is_refused(string name, string named)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Fixtures", "brought", name);
        string message = Assert.Throws<InvalidDataException>(() => AdapterFile.Open(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_texts_are_read_or_refused_in_words()
    {
        string backbone = TinyBackbone.Save(_folder), good = _folder.PathOf("good.safetensors"), path = _folder.PathOf("damaged.safetensors");
        using Backbone model = TinyBackbone.Open(backbone);
        AdaptFormerTuning tuning = new(Bottleneck: 4);
        tuning.Attach(model, 3, new Rng(1));
        AdapterFile.Save(good, model, tuning, ["a", "b", "c"]);
        using WeightsFile file = WeightsFile.Open(good);
        string[] keys = ["tuning", "backbone", "preprocessing", "labels", "metrics", "self_test", "config"];
        Fuzz fuzz = new("adapter", output) { Few = 100, Named = path, Allowed = _ => 64 << 20 };
        fuzz.Run(rng =>
        {
            string key = keys[rng.NextInt(keys.Length)], entry = key == "config" ? "backbone" : key, text = file.Metadata[entry];
            return Damaged(file, entry, key == "config" ? InnerConfig(text, rng) : JsonDamage.MutateText(text, rng));
        }, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            AdapterFile.Load(path, model);
        });
    }

    private static string InnerConfig(string backbone, Rng rng)
    {
        BackboneIdentity identity = System.Text.Json.JsonSerializer.Deserialize(backbone, AdapterJson.Default.BackboneIdentity)!;
        return System.Text.Json.JsonSerializer.Serialize(identity with { Config = JsonDamage.MutateText(identity.Config, rng) }, AdapterJson.Default.BackboneIdentity);
    }

    private static byte[] Damaged(WeightsFile file, string key, string text)
    {
        SafetensorsWriter writer = new();
        foreach ((string name, string value) in file.Metadata) writer.Metadata[name] = name == key ? text : value;
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            float[] values = new float[entry.ElementCount];
            file.ReadFloat32(entry, values);
            writer.Add(name, entry.Shape, values);
        }

        using MemoryStream bytes = new();
        writer.Write(bytes);
        return bytes.ToArray();
    }
}
