using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

public sealed class BackboneLoaderTests : IDisposable
{
    private static readonly BackboneOptions TwoHeads = new(NumHeads: 2);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("timm_vit.expected.safetensors", "timm", "")]
    [InlineData("timm_vit_zip.pth", "timm", "")]
    [InlineData("timm_vit_legacy.pth", "timm", "")]
    [InlineData("mae_style_nested_model.pth", "timm", "model")]
    [InlineData("prefixed_module_backbone.pth", "timm", "state_dict / module.backbone.")]
    [InlineData("adaptformer_image_pretrain.pth", "AdaptFormer", "model")]
    public void Every_kind_naming_and_wrapper_gives_the_same_backbone(string file, string naming, string wrapper)
    {
        string path = file.StartsWith("timm_vit.expected", StringComparison.Ordinal) ? PlainTimm() : TestFolder.Fixture(file);
        using Backbone expected = BackboneLoader.Open(PlainTimm(), TwoHeads), model = BackboneLoader.Open(path, TwoHeads);
        LoadReport report = model.Source!.Report;
        Assert.Equal((naming, wrapper), (report.Naming, report.Wrapper));
        Assert.Equal(expected.Config, model.Config);
        Assert.Equal(expected.Source!.Digest, model.Source.Digest);
        Assert.Contains(report.Notes, note => note.Contains("ImageNet's statistics are assumed"));

        using TensorScope scope = new();
        using WeightsFile check = WeightsFile.Open(TestFolder.Fixture("timm_vit.expected.safetensors"));
        Tensor pixels = Tensor.From(Read(check, "check/x"), check.Get("check/x").Shape);
        if (model.Head is null) ParityCase.AssertClose("features", expected.Features(pixels).ToArray(), model.Features(pixels).ToArray(), 1e-6);
        else ParityCase.AssertClose("logits", Read(check, "check/logits"), model.Forward(pixels).ToArray(), 1e-5);
    }

    [Theory]
    [InlineData("timm_vit_half.pth", 2e-3)]
    [InlineData("timm_vit_bfloat16.pth", 2e-2)]
    [InlineData("timm_vit_bfloat16_legacy.pth", 2e-2)]
    public void Rounded_weights_give_nearly_the_same_logits_and_another_digest(string file, double tolerance)
    {
        using Backbone exact = BackboneLoader.Open(PlainTimm(), TwoHeads), model = BackboneLoader.Open(TestFolder.Fixture(file), TwoHeads);
        Assert.NotEqual(exact.Source!.Digest, model.Source!.Digest);
        using TensorScope scope = new();
        Tensor pixels = Pixels(model, 3);
        ParityCase.AssertClose(file, exact.Forward(pixels).ToArray(), model.Forward(pixels).ToArray(), tolerance);
    }

    [Fact]
    public void Hugging_face_folders_are_read_with_their_configuration()
    {
        using Backbone timm = BackboneLoader.Open(PlainTimm(), TwoHeads);
        StateDict theirs = NameMaps.HuggingFaceVit.ToTheirs(StateDict.Of(timm)).Renamed(name => name.StartsWith("classifier", StringComparison.Ordinal) ? name : $"vit.{name}");
        Save(theirs, "model.safetensors");
        File.WriteAllText(_folder.PathOf("config.json"), """{"model_type": "vit", "hidden_act": "gelu", "num_attention_heads": 2, "layer_norm_eps": 1e-6}""");
        File.WriteAllText(_folder.PathOf("preprocessor_config.json"),
            """{"size": {"height": 16, "width": 16}, "resample": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""");

        using Backbone model = BackboneLoader.Open(Path.GetDirectoryName(_folder.PathOf("x"))!);
        Assert.Equal(("Hugging Face vit", "vit."), (model.Source!.Report.Naming, model.Source.Report.Wrapper));
        Assert.Equal(timm.Source!.Digest, model.Source.Digest);
        Assert.Equal(("inception", 0, Interpolation.Bilinear), (model.Source.Preprocessing.Statistics, model.Source.Preprocessing.EvalResize, model.Source.Preprocessing.Interpolation));
        using TensorScope scope = new();
        Tensor pixels = Pixels(model, 2);
        Assert.Equal(timm.Forward(pixels).ToArray(), model.Forward(pixels).ToArray());
    }

    [Fact]
    public void Another_image_size_resizes_the_positions_and_says_so()
    {
        using Backbone model = BackboneLoader.Open(PlainTimm(), TwoHeads with { ImgSize = 32 }), original = BackboneLoader.Open(PlainTimm(), TwoHeads);
        Assert.Equal(new Shape(1, 17, 16), model.Parameters().Single(entry => entry.Key == "pos_embed").Value.Shape);
        Assert.Equal(["pos_embed from 2x2 to 4x4 patches (bicubic)"], model.Source!.Report.Changes);
        Assert.Equal(32, model.Source.Preprocessing.ImgSize);
        Assert.Equal(original.Source!.Digest, model.Source.Digest);     // the file's content, not what was made of it
        Assert.Empty(original.Source.Report.Changes);
    }

    [Fact]
    public void Global_pooling_starts_fc_norm_anew_and_leaves_norm_out()
    {
        using Backbone model = BackboneLoader.Open(PlainTimm(), TwoHeads with { GlobalPool = true, KeepHead = false });
        LoadReport report = model.Source!.Report;
        Assert.Equal(["fc_norm.weight", "fc_norm.bias"], report.Fresh);
        Assert.Equal(["head.bias", "head.weight", "norm.bias", "norm.weight"], report.Ignored.Select(entry => entry.Name).Order());
        Assert.All(model.Parameters().Single(entry => entry.Key == "fc_norm.weight").Value.ToArray(), value => Assert.Equal(1, value));
        Assert.Contains("not used (global pooling normalises with fc_norm instead): norm.weight, norm.bias", string.Join('\n', report.Lines()).Replace("norm.bias, norm.weight", "norm.weight, norm.bias"));
    }

    [Fact]
    public void Fine_tuned_mae_weights_are_recognised_by_their_fc_norm()
    {
        ParityCase golden = ParityCase.OpenOwn("mae_vit_global_pool_forward.safetensors");
        StateDict weights = new();
        foreach (string name in golden.Names.Where(name => name.StartsWith("param/", StringComparison.Ordinal)))
            weights.Add(name[6..], new StateDict.Weight(new Shape(golden.Shape(name)), destination => golden.Floats(name).CopyTo(destination)));
        using Backbone model = BackboneLoader.Open(Save(weights, "mae.safetensors"), new(NumHeads: 4));
        Assert.True(((VitConfig)model.Config).GlobalPool);
        using TensorScope scope = new();
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        ParityCase.AssertClose("logits", golden.Floats("out/logits"), model.Forward(pixels).ToArray(), 1e-4);
    }

    [Fact]
    public void Weights_of_an_f32_file_are_read_in_place_and_closed_with_the_model()
    {
        BackboneSource source;
        using (Backbone model = BackboneLoader.Open(PlainTimm(), TwoHeads))
        {
            Assert.All(model.Parameters(), entry => Assert.True(entry.Value.Storage.IsBorrowed, entry.Key));
            source = model.Source!;
        }

        Assert.Throws<ObjectDisposedException>(() => source.Digest);
    }

    [Fact]
    public void Every_misfit_is_named()
    {
        StateDict weights = StateDictOf(PlainTimm()).Renamed(name => name switch { "blocks.1.norm2.weight" => null, "norm.bias" => "extra", _ => name });
        weights.Add("cls_token", new StateDict.Weight(new Shape(1, 2, 16), destination => destination.Clear()));
        string path = Save(weights, "broken.safetensors");
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(path, TwoHeads));
        Assert.Contains("missing norm.bias, blocks.1.norm2.weight", error.Message.Replace("blocks.1.norm2.weight, norm.bias", "norm.bias, blocks.1.norm2.weight"));
        Assert.Contains("unexpected extra", error.Message);
        Assert.Contains("cls_token is [1, 2, 16], expected [1, 1, 16]", error.Message);
        Assert.StartsWith(path, error.Message);
    }

    [Fact]
    public void Weights_of_another_size_than_the_id_are_refused()
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(PlainTimm(), new(Id: "deit_tiny_patch16_224")));
        Assert.Contains("does not fit deit_tiny_patch16_224", error.Message);
        Assert.Contains("pos_embed is [1, 5, 16], expected [1, 197, 192] (set img_size to 224", error.Message);
        Assert.Contains("blocks.11.norm1.weight", error.Message);
        Assert.Contains("'deit_giant' is not known", Assert.Throws<ArgumentException>(() => BackboneLoader.Open(PlainTimm(), new(Id: "deit_giant"))).Message);
    }

    [Fact]
    public void What_is_no_plain_vit_is_refused_with_the_reason()
    {
        StateDict plain = StateDictOf(PlainTimm());
        StateDict two = new();
        foreach (string prefix in (string[])["student.", "teacher."])
        {
            foreach ((string name, StateDict.Weight weight) in plain.Weights) two.Add(prefix + name, weight);
        }

        Refused(two, "several models, under 'student.', 'teacher.'");
        using (Backbone student = BackboneLoader.Open(Save(two, "two.safetensors"), TwoHeads with { Prefix = "student." }))
            Assert.Contains(student.Source!.Report.Ignored, entry => entry.Name == "teacher.cls_token");

        StateDict other = new();
        other.Add("conv1.weight", new StateDict.Weight(new Shape(2, 2), destination => destination.Clear()));
        Refused(other, "no vision transformer", "conv1.weight");
        StateDict odd = plain.Renamed(name => name);
        odd.Add("pos_embed", new StateDict.Weight(new Shape(1, 3, 16), destination => destination.Clear()));
        Refused(odd, "pos_embed is [1, 3, 16]", "square grid");
        Assert.Contains("number of attention heads", Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(PlainTimm())).Message);
        Assert.Throws<FileNotFoundException>(() => BackboneLoader.Open(_folder.PathOf("nothing.safetensors")));

        void Refused(StateDict weights, params string[] words)
        {
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(Save(weights, "refused.safetensors"), TwoHeads));
            Assert.All(words, word => Assert.Contains(word, error.Message));
        }
    }

    [Fact]
    public void The_digest_tells_names_shapes_and_values_apart_and_nothing_else()
    {
        StateDict plain = StateDictOf(PlainTimm());
        string digest = BackboneDigest.Of(plain);
        Assert.Matches("^sha256:[0-9a-f]{64}$", digest);

        StateDict reversed = new();
        foreach ((string name, StateDict.Weight weight) in plain.Weights.Reverse()) reversed.Add(name, weight);
        Assert.Equal(digest, BackboneDigest.Of(reversed));
        Assert.Equal(digest, BackboneDigest.Of(plain.Renamed(name => name.StartsWith("head.", StringComparison.Ordinal) ? null : name)));
        Assert.NotEqual(digest, BackboneDigest.Of(plain.Renamed(name => name == "cls_token" ? "other" : name)));

        StateDict changed = plain.Renamed(name => name);
        float[] bias = plain.Weights["norm.bias"].ToArray();
        bias[^1] = MathF.BitIncrement(bias[^1]);
        changed.Add("norm.bias", new StateDict.Weight(new Shape(16), destination => bias.CopyTo(destination)));
        Assert.NotEqual(digest, BackboneDigest.Of(changed));
        changed.Add("norm.bias", plain.Weights["norm.bias"] with { Shape = new Shape(1, 16) });
        Assert.NotEqual(digest, BackboneDigest.Of(changed));
    }

    private string PlainTimm()
    {
        string path = _folder.PathOf("timm_vit.safetensors");
        if (File.Exists(path)) return path;
        StateDict weights = StateDictOf(TestFolder.Fixture("timm_vit.expected.safetensors"));
        return Save(weights.Renamed(name => name.StartsWith("check/", StringComparison.Ordinal) ? null : name), "timm_vit.safetensors");
    }

    private string Save(StateDict weights, string name)
    {
        SafetensorsWriter writer = new();
        foreach ((string key, StateDict.Weight weight) in weights.Weights) writer.Add(key, weight.Shape, weight.ToArray());
        writer.Save(_folder.PathOf(name));
        return _folder.PathOf(name);
    }

    // Copies, so that the file need not stay open.
    private static StateDict StateDictOf(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        StateDict state = new();
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(file).Weights)
        {
            float[] values = weight.ToArray();
            state.Add(name, new StateDict.Weight(weight.Shape, destination => values.CopyTo(destination)));
        }

        return state;
    }

    private static float[] Read(WeightsFile file, string name)
    {
        float[] values = new float[file.Get(name).ElementCount];
        file.ReadFloat32(file.Get(name), values);
        return values;
    }

    private static Tensor Pixels(Backbone model, int batch)
    {
        Tensor pixels = Tensor.Empty(new Shape([batch, .. model.InputShape]));
        Rng rng = new(5);
        foreach (ref float value in pixels.Span) value = (float)rng.NextNormal();
        return pixels;
    }
}
