using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

public sealed class TunedBackboneTests : IDisposable
{
    private static readonly string[] Labels = ["ant", "bee"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(FileDataType.Float32)]
    [InlineData(FileDataType.Float16)]
    public void A_fully_tuned_model_becomes_a_backbone_for_the_next_task(FileDataType type)
    {
        string target = _folder.PathOf("next.safetensors");
        using Backbone tuned = Save(new FullTuning(), "adapter.safetensors");
        TunedBackbone.Export(_folder.PathOf("adapter.safetensors"), target, type);

        using Backbone next = TinyBackbone.Open(target);
        Assert.Null(next.Head);
        Assert.Equal(tuned.Source!.Preprocessing, next.Source!.Preprocessing);
        Dictionary<string, Parameter> before = tuned.Parameters().ToDictionary();
        foreach ((string name, Parameter parameter) in next.Parameters())
        {
            float[] expected = before[name].ToArray();
            Assert.Equal(type == FileDataType.Float32 ? expected : Array.ConvertAll(expected, value => (float)(Half)value), parameter.ToArray());
        }
    }

    [Fact]
    public void Sixteen_bits_halve_the_file()
    {
        using Backbone tuned = Save(new FullTuning(), "adapter.safetensors");
        (string full, string half) = (_folder.PathOf("32.safetensors"), _folder.PathOf("16.safetensors"));
        TunedBackbone.Export(_folder.PathOf("adapter.safetensors"), full);
        TunedBackbone.Export(_folder.PathOf("adapter.safetensors"), half, FileDataType.Float16);
        long saved = new FileInfo(full).Length - new FileInfo(half).Length, elements = tuned.Parameters().Where(entry => !entry.Key.StartsWith("head", StringComparison.Ordinal)).Sum(entry => entry.Value.Length);
        Assert.InRange(saved, (2 * elements) - 500, (2 * elements) + 500);      // the headers' offsets differ by some digits
    }

    [Fact]
    public void A_weight_beyond_sixteen_bits_is_named_and_nothing_is_written()
    {
        using Backbone tuned = Save(new FullTuning(), "adapter.safetensors", Enlarge);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() =>
            TunedBackbone.Export(_folder.PathOf("adapter.safetensors"), _folder.PathOf("next.safetensors"), FileDataType.Float16));
        Assert.Contains("cls_token", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.PathOf("next.safetensors")));
    }

    [Fact]
    public void An_adapter_of_another_method_holds_no_backbone()
    {
        Save(new AdaptFormerTuning(Bottleneck: 2), "adapter.safetensors").Dispose();
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => TunedBackbone.Export(_folder.PathOf("adapter.safetensors"), _folder.PathOf("next.safetensors")));
        Assert.Contains("adaptformer", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> Mergeable => ["lora", "ssf", "bitfit", "norm", "linear", "full"];

    [Theory]
    [MemberData(nameof(Mergeable))]
    public void A_merged_model_is_plain_and_answers_as_the_adapter_did(string method)
    {
        Tuning tuning = Tuning.Default(method);
        string target = _folder.PathOf("merged.safetensors");
        using Backbone tuned = Save(tuning, "adapter.safetensors", model =>
        {
            HashSet<string> trained = [.. model.TrainableParameters().Concat(model.Buffers()).Select(entry => entry.Key)];
            TinyBackbone.Randomize(model, 8, trained.Contains);
        });
        using Backbone backbone = TinyBackbone.Open(_folder.PathOf("backbone.safetensors"));
        TunedBackbone.Merge(_folder.PathOf("adapter.safetensors"), backbone, target, NameMaps.Timm);
        Assert.Equal(TinyBackbone.Logits(tuned), TinyBackbone.Logits(backbone));

        using Backbone plain = TinyBackbone.Open(target);
        Assert.Equal(2, plain.Head!.Classes);
        Assert.Null(plain.Head.Norm);
        Assert.Equal(tuned.Source!.Preprocessing, plain.Source!.Preprocessing);
        ParityCase.AssertClose("logits", TinyBackbone.Logits(tuned), TinyBackbone.Logits(plain), 1e-4);
    }

    [Fact]
    public void What_cannot_be_merged_is_refused_with_the_reason_and_nothing_is_written()
    {
        Save(new AdaptFormerTuning(Bottleneck: 2), "adapter.safetensors").Dispose();
        using Backbone backbone = TinyBackbone.Open(_folder.PathOf("backbone.safetensors"));
        ArgumentException error = Assert.Throws<ArgumentException>(() => TunedBackbone.Merge(_folder.PathOf("adapter.safetensors"), backbone, _folder.PathOf("merged.safetensors"), NameMaps.Timm));
        Assert.StartsWith("adaptformer cannot be merged into the backbone: an adapter stays beside", error.Message);
        Assert.False(File.Exists(_folder.PathOf("merged.safetensors")));
    }

    private static void Enlarge(Backbone model)
    {
        Parameter token = model.Parameters().First(entry => entry.Key == "cls_token").Value;
        float[] values = token.ToArray();
        values[0] = 1e6f;
        token.Assign(values);      // the loaded numbers lie in a file's memory, which is not to be written
    }

    private Backbone Save(Tuning tuning, string name, Action<Backbone>? change = null)
    {
        Backbone model = TinyBackbone.Open(TinyBackbone.Save(_folder));
        tuning.Attach(model, Labels.Length, new Rng(4));
        TinyBackbone.Randomize(model, seed: 6, key => key.StartsWith("head", StringComparison.Ordinal));
        change?.Invoke(model);
        AdapterFile.Save(_folder.PathOf(name), model, tuning, Labels);
        return model;
    }
}
