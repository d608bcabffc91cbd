using System.Text;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

public sealed class AdapterFileTests : IDisposable
{
    private static readonly string[] Labels = ["ant", "bee", "cat \"Ω\""];
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Methods => [.. All.Keys];

    private static Dictionary<string, Tuning> All => new()
    {
        ["official"] = AdaptFormerTuning.OfficialImage,
        ["everything chosen"] = new AdaptFormerTuning(4, 0.5f, LearnScale: true, AdapterPosition.Sequential, AdapterInput.OwnNormIn, 0.2f, AdapterActivation.Gelu, Bias: false, AdapterInit.KaimingNormal, "2-3", HeadKind.Plain),
        ["norm at the output"] = new AdaptFormerTuning(4, Input: AdapterInput.OwnNormOut),
        ["paper"] = AdaptFormerTuning.Paper,
        ["vpt"] = new VptTuning(2),
        ["vpt shallow"] = new VptTuning(3, Deep: false),
        ["linear"] = new LinearProbe(),
        ["full"] = new FullTuning(),
        ["convolution"] = new AdaptFormerTuning(4, Form: AdapterForm.Conv),
        ["lora"] = new LoraTuning(2, 4, "q,v,fc2"),
        ["ssf"] = new SsfTuning(),
        ["houlsby"] = new HoulsbyTuning(3),
        ["ia3"] = new Ia3Tuning("2-3"),
        ["bitfit"] = new BitFitTuning(),
        ["norm"] = new NormTuning(HeadKind.Plain),
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public void What_is_loaded_answers_exactly_as_what_was_saved(string method)
    {
        Tuning tuning = All[method];
        string backbone = TinyBackbone.Save(_folder), path = _folder.PathOf("adapter.safetensors");
        using Backbone model = Tuned(backbone, tuning);
        float[] expected = TinyBackbone.Logits(model);
        AdapterInfo saved = AdapterFile.Save(path, model, tuning, Labels, metrics: new Dictionary<string, double> { ["test_top1"] = 71.25 });

        AdapterInfo info = AdapterFile.Open(path);
        Assert.Equal(tuning, info.Tuning);
        Assert.Equal(Labels, info.Labels);
        Assert.Equal(71.25, info.Metrics["test_top1"]);
        Assert.Equal(model.Source!.Preprocessing, info.Preprocessing);
        Assert.Equal(model.TrainableParameters().Sum(entry => entry.Value.Length), info.Parameters);
        Assert.Equal((saved.Parameters, saved.FileBytes), (info.Parameters, info.FileBytes));

        using Backbone fresh = TinyBackbone.Open(backbone);
        AdapterFile.Load(path, fresh, preprocessing: info.Preprocessing, classes: 3);
        Assert.Equal(expected, TinyBackbone.Logits(fresh));
        Assert.Empty(fresh.TrainableParameters());
        AdapterFile.Load(path, fresh, trainable: true);
        Assert.Equal(expected, TinyBackbone.Logits(fresh));
        Assert.Equal(model.TrainableParameters().Select(entry => entry.Key), fresh.TrainableParameters().Select(entry => entry.Key));
    }

    [Fact]
    public void One_adapter_takes_the_place_of_another()
    {
        string backbone = TinyBackbone.Save(_folder);
        foreach ((string method, Tuning tuning) in All.Where(entry => entry.Value is not FullTuning))
        {
            using Backbone model = Tuned(backbone, tuning);
            AdapterFile.Save(_folder.PathOf(method), model, tuning, Labels);
        }

        using Backbone swapped = TinyBackbone.Open(backbone);
        foreach (string method in All.Keys.Where(method => All[method] is not FullTuning).Reverse())
        {
            AdapterFile.Load(_folder.PathOf(method), swapped);
            using Backbone fresh = TinyBackbone.Open(backbone);
            AdapterFile.Load(_folder.PathOf(method), fresh);
            Assert.Equal(TinyBackbone.Logits(fresh), TinyBackbone.Logits(swapped));
            Assert.Equal(fresh.State().Select(entry => entry.Key).Order(), swapped.State().Select(entry => entry.Key).Order());
        }
    }

    [Fact]
    public void A_fully_tuned_model_needs_a_backbone_of_its_sizes_and_not_its_weights()
    {
        string path = _folder.PathOf("full.safetensors");
        using Backbone model = Tuned(TinyBackbone.Save(_folder), new FullTuning());
        AdapterFile.Save(path, model, new FullTuning(), Labels);
        using Backbone other = TinyBackbone.Open(TinyBackbone.Save(_folder, seed: 2, "other.safetensors"));
        AdapterFile.Load(path, other);
        Assert.Equal(TinyBackbone.Logits(model), TinyBackbone.Logits(other));
    }

    [Fact]
    public void An_adapter_on_other_weights_names_both()
    {
        string path = SavedAdapter();
        using Backbone other = TinyBackbone.Open(TinyBackbone.Save(_folder, seed: 2, "other.safetensors"));
        string message = Refused(path, other);
        Assert.Contains("trained on other weights of", message);
        Assert.Contains(other.ContentDigest()[..19], message);
    }

    [Fact]
    public void An_adapter_for_another_size_image_class_count_or_preprocessing_names_each()
    {
        string path = SavedAdapter();
        VitConfig deeper = TinyBackbone.Config with { Depth = 4 }, larger = TinyBackbone.Config with { ImgHeight = 32, ImgWidth = 32 };
        using (Backbone model = TinyBackbone.Open(TinyBackbone.Save(_folder, 1, "deeper.safetensors", deeper), deeper)) Assert.Contains("\"depth\":4", Refused(path, model));
        using (Backbone model = TinyBackbone.Open(TinyBackbone.Save(_folder, 1, "larger.safetensors", larger), larger))
            Assert.Contains("trained on images of 16 px, the model takes 32 px", Refused(path, model));

        using Backbone right = TinyBackbone.Open(_folder.PathOf("backbone.safetensors"));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => AdapterFile.Load(path, right, preprocessing: Preprocessing.Inception(16), classes: 10));
        Assert.Contains("prepared with mean (0.485, 0.456, 0.406), not (0.5, 0.5, 0.5)", error.Message);
        Assert.Contains("it knows 3 classes, the data has 10", error.Message);
    }

    [Fact]
    public void Damage_is_told_and_leaves_the_model_as_it_was()
    {
        string path = SavedAdapter();
        byte[] bytes = File.ReadAllBytes(path);
        using Backbone model = Tuned(_folder.PathOf("backbone.safetensors"), new VptTuning(2));
        float[] before = TinyBackbone.Logits(model);
        string[] names = [.. model.State().Select(entry => $"{entry.Key} {entry.Value.Tensor.Trainable}").Order()];

        foreach (int length in (int[])[0, 7, 100, bytes.Length / 2, bytes.Length - 1])
            Assert.ThrowsAny<InvalidDataException>(() => AdapterFile.Load(_folder.Write("cut.safetensors", bytes.AsSpan(0, length)), model));
        Expect("version 9", "\"format_version\":\"1\"", "\"format_version\":\"9\"");
        Expect("no adapter", "adaptformer-adapter", "adaptformer-thing!!");
        Expect("'tuning' cannot be read", "adaptformer\\\",\\\"bottleneck", "adaptfomer!\\\",\\\"bottleneck");
        Expect("'labels'", "\"labels\"", "\"lbaels\"");
        Expect("blocks.0.adaptmlp.down_proj.bias", "blocks.0.adaptmlp.down_proj.bias", "blocks.9.adaptmlp.down_proj.bias");

        // Other numbers under a sound header: only the self-test can tell.
        byte[] changed = [.. bytes];
        using (WeightsFile file = WeightsFile.Open(path)) Array.Fill(changed, (byte)0x3f, changed.Length - (int)file.Get("head.1.weight").ByteLength - 4096, 4096);
        Assert.Contains("self-test", Assert.Throws<InvalidDataException>(() => AdapterFile.Load(_folder.Write("changed.safetensors", changed), model)).Message);

        Assert.Equal(before, TinyBackbone.Logits(model));
        Assert.Equal(names, model.State().Select(entry => $"{entry.Key} {entry.Value.Tensor.Trainable}").Order());

        void Expect(string words, string find, string replace)
        {
            string text = Encoding.Latin1.GetString(bytes);
            Assert.Contains(find, text);
            byte[] edited = Encoding.Latin1.GetBytes(text.Replace(find, replace));
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => AdapterFile.Load(_folder.Write("edited.safetensors", edited), model));
            Assert.Contains(words, error.Message);
            Assert.Contains("edited.safetensors", error.Message);
        }
    }

    [Fact]
    public void Another_precision_passes_the_self_test_and_a_wrong_answer_names_it()
    {
        string path = SavedAdapter();
        using Backbone rounded = TinyBackbone.Open(_folder.PathOf("backbone.safetensors"), compute: DataType.BFloat16);
        AdapterFile.Load(path, rounded);

        string text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        int at = text.IndexOf("\\\"logits\\\":[", StringComparison.Ordinal) + 12;
        string wrong = text[..at] + (text[at] == '-' ? "9" : "9") + text[(at + 1)..];
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => AdapterFile.Load(_folder.Write("wrong.safetensors", Encoding.Latin1.GetBytes(wrong)), rounded));
        Assert.Contains("in float32, run on", error.Message);
        Assert.Contains("in bfloat16", error.Message);
    }

    [Fact]
    public void Saving_asks_for_what_fits()
    {
        using Backbone model = Tuned(TinyBackbone.Save(_folder), new LinearProbe());
        string path = _folder.PathOf("a.safetensors");
        Assert.Contains("2 labels for a head of 3", Assert.Throws<ArgumentException>(() => AdapterFile.Save(path, model, new LinearProbe(), ["a", "b"])).Message);
        Assert.Contains("embeddings.0", Assert.Throws<ArgumentException>(() => AdapterFile.Save(path, model, new VptTuning(), Labels)).Message);
        Assert.False(File.Exists(path));
    }

    private string SavedAdapter()
    {
        AdaptFormerTuning tuning = new(64);
        using Backbone model = Tuned(TinyBackbone.Save(_folder), tuning);
        AdapterFile.Save(_folder.PathOf("adapter.safetensors"), model, tuning, Labels);
        return _folder.PathOf("adapter.safetensors");
    }

    private static Backbone Tuned(string backbone, Tuning tuning)
    {
        Backbone model = TinyBackbone.Open(backbone);
        tuning.Attach(model, Labels.Length, new Rng(3));
        HashSet<string> trained = [.. model.TrainableParameters().Concat(model.Buffers()).Select(entry => entry.Key)];
        TinyBackbone.Randomize(model, 4, trained.Contains);
        return model;
    }

    private static string Refused(string path, Backbone model)
    {
        string message = Assert.Throws<InvalidDataException>(() => AdapterFile.Load(path, model)).Message;
        Assert.StartsWith($"{path} does not fit: ", message);
        Assert.Null(model.Head);
        return message;
    }
}
