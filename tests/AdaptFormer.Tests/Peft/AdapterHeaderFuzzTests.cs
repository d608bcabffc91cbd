using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>Damaged texts in adapter files: read, or refused with the file's name before memory is taken for what they claim.</summary>
public sealed class AdapterHeaderFuzzTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("adapter-layers-null.safetensors", "Layers")]
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
        int refused = 0, count = JsonMutator.Count(400);
        for (int i = 0; i < count; i++)
        {
            Rng rng = new Rng(33).Derive(i);
            string key = keys[rng.NextInt(keys.Length)], text = file.Metadata[key == "config" ? "backbone" : key];
            if (key == "config") text = InnerConfig(text, rng);
            else text = JsonMutator.Mutate(text, rng);
            Write(file, path, key == "config" ? "backbone" : key, text);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                AdapterFile.Load(path, model);
            }
            catch (InvalidDataException error)
            {
                refused++;
                Assert.Contains(path, error.Message, StringComparison.Ordinal);
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"{key}: {text}: {error}");
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        }

        Assert.InRange(refused, 1, count - 1);
    }

    private static string InnerConfig(string backbone, Rng rng)
    {
        BackboneIdentity identity = System.Text.Json.JsonSerializer.Deserialize(backbone, AdapterJson.Default.BackboneIdentity)!;
        return System.Text.Json.JsonSerializer.Serialize(identity with { Config = JsonMutator.Mutate(identity.Config, rng) }, AdapterJson.Default.BackboneIdentity);
    }

    private static void Write(WeightsFile file, string path, string key, string text)
    {
        SafetensorsWriter writer = new();
        foreach ((string name, string value) in file.Metadata) writer.Metadata[name] = name == key ? text : value;
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            float[] values = new float[entry.ElementCount];
            file.ReadFloat32(entry, values);
            writer.Add(name, entry.Shape, values);
        }

        writer.Save(path);
    }
}
