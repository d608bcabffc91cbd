using System.Runtime.InteropServices;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Files;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>Weights as users bring them: with the files beside them, several models in one file, names of classes, damaged numbers. Expected answers are PyTorch's.</summary>
public sealed class BroughtWeightsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static string Photo => Fixture("photo.png");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"do_normalize": false, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": {"height": 16, "width": 16}}""",
        0.97994, 0.007897, 0.012118, 4.5e-05, 1e-06)]
    [InlineData("""{"image_mean": [1.0, 1.0, 1.0], "image_std": [1.0, 1.0, 1.0], "resample": 2, "rescale_factor": 0.00784313725490196, "size": {"height": 16, "width": 16}}""",
        0.008728, 7e-06, 0.990917, 0.0, 0.000348)]
    public void A_processors_switches_are_honoured(string processor, params double[] expected)
    {
        using Predictor predictor = Predictor.OpenPretrained(HuggingFaceFolder(processor), precision: Precision.Float32);
        Same(expected, predictor);
    }

    [Fact]
    public void The_names_of_the_classes_come_with_the_weights_and_stay_with_what_is_converted()
    {
        string folder = HuggingFaceFolder("""{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": 16}"""), timm = _folder.PathOf("timm.safetensors");
        string[] names = ["daisy", "dandelion", "rose", "sunflower", "tulip"];
        using (Predictor predictor = Predictor.OpenPretrained(folder)) Assert.Equal(names, predictor.Labels);
        CheckpointConverter.Convert(folder, timm, NameMaps.Timm);
        using (Predictor predictor = Predictor.OpenPretrained(timm)) Assert.Equal(names, predictor.Labels);
        using (Predictor predictor = Predictor.OpenPretrained(timm, ["a", "b", "c", "d", "e"])) Assert.Equal("a", predictor.Labels[0]);
        string back = _folder.PathOf("back.safetensors");
        CheckpointConverter.Convert(timm, back, NameMaps.HuggingFaceVit);
        using (Predictor predictor = Predictor.OpenPretrained(back)) Assert.Equal(names, predictor.Labels);
    }

    [Theory]
    [InlineData("""{"architecture": "vit_x", "label_names": ["a", "b", "c", "d", "e"]}""", "a b c d e")]
    [InlineData("""{"architecture": "vit_x", "label_names": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}}""", "a b c d e")]
    [InlineData("""{"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2", "3": "LABEL_3", "4": "LABEL_4"}}""", "0 1 2 3 4")]
    [InlineData("""{"id2label": {"0": "a", "1": "b"}}""", "0 1 2 3 4")]
    public void Names_are_taken_where_they_say_something_about_all_classes(string config, string expected)
    {
        using Predictor predictor = Predictor.OpenPretrained(HuggingFaceFolder(null, config));
        Assert.Equal(expected.Split(' '), predictor.Labels);
    }

    [Fact]
    public void Of_several_models_one_is_taken_and_said_and_another_can_be_chosen()
    {
        double[] model = [0.956011, 0.043532, 4e-05, 4e-05, 0.000377], average = [0.003171, 0.136129, 0.041044, 0.809709, 0.009947];
        string path = Fixture("deit_style.pth");
        using (Predictor first = Predictor.OpenPretrained(path, precision: Precision.Float32))
        {
            Same(model, first);
            Assert.Contains(first.Model.Source!.Report.Notes, note => note.Contains("also holds 'model_ema' beside 'model', which was taken", StringComparison.Ordinal));
        }

        foreach (string prefix in new[] { "model_ema", "model_ema." })
        {
            using Predictor chosen = Predictor.OpenPretrained(path, precision: Precision.Float32, prefix: prefix);
            Same(average, chosen);
            Assert.DoesNotContain(chosen.Model.Source!.Report.Notes, note => note.Contains("also holds", StringComparison.Ordinal));
        }

        using (Predictor named = Predictor.OpenPretrained(path, precision: Precision.Float32, prefix: "model")) Same(model, named);
        string converted = _folder.PathOf("average.safetensors");
        Assert.Equal((20, "model_ema"), CheckpointConverter.Convert(path, converted, NameMaps.Timm, "model_ema.") is var report ? (report.Tensors, report.Wrapper) : default);
        using (Predictor read = Predictor.OpenPretrained(converted, precision: Precision.Float32)) Same(average, read);

        foreach (string nothing in new[] { "foo", "model_ema.encoder", "head." })
        {
            string message = Assert.Throws<InvalidDataException>(() => CheckpointConverter.Convert(path, _folder.PathOf("none.safetensors"), NameMaps.Timm, nothing)).Message;
            Assert.Contains(nothing, message, StringComparison.Ordinal);
        }

        Assert.Contains("it holds 'model', 'model_ema'", Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(path, new BackboneOptions(Prefix: "foo"))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.PathOf("none.safetensors")));
    }

    [Fact]
    public void A_recipe_chooses_among_several_models()
    {
        Recipe recipe = Recipe.Parse($$"""
            {"model": {"name": "tiny", "weights": {{System.Text.Json.JsonSerializer.Serialize(Fixture("deit_style.pth"))}}, "prefix": "model_ema", "normalize": "imagenet",
             "config": {"img_height": 16, "img_width": 16, "patch_size": 4, "embed_dim": 64, "depth": 1, "num_heads": 1, "mlp_ratio": 0.25} },
             "tuning": {"method": "linear"}, "data": {"train": "t", "test": "t"} }
            """);
        using Backbone model = RecipeBackbone.Load(recipe), average = BackboneLoader.Open(Fixture("deit_style.pth"), new BackboneOptions(Prefix: "model_ema"));
        Assert.Equal(average.Source!.Digest, model.Source!.Digest);
        Assert.Empty(RecipeBackbone.Warnings(recipe, model));
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_named()
    {
        string message = Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(Fixture("nan.safetensors"))).Message;
        Assert.Contains("norm.weight at element 3 (NaN)", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, float.NaN)]
    [InlineData(70, float.PositiveInfinity)]
    [InlineData(102, float.NegativeInfinity)]
    public void The_first_number_that_is_not_finite_is_found_wherever_it_stands(int at, float value)
    {
        float[] numbers = [.. Enumerable.Range(0, 103).Select(i => i % 2 == 0 ? float.MaxValue : -float.Epsilon)];
        Assert.Null(FiniteWeights.FirstIn(numbers));
        numbers[at] = value;
        Assert.Equal((at, value), FiniteWeights.FirstIn(numbers));
    }

    [Fact]
    public void Pages_of_a_mapped_file_are_let_go_once_their_numbers_were_looked_at()
    {
        float[] numbers = [1, 2, 3];
        GCHandle pinned = GCHandle.Alloc(numbers, GCHandleType.Pinned);
        int released = 0;
        StateDict.Weight weight = new(new Shape(3), numbers.CopyTo) { Mapped = (pinned.AddrOfPinnedObject(), numbers, () => released++) };
        FiniteWeights.Require([new("w", weight)], "here");
        Assert.Equal(1, released);
        pinned.Free();
    }

    [Fact]
    public async Task The_program_says_what_it_took_and_what_it_cannot_read()
    {
        CliOutcome chosen = await CliProgram.Call("predict", "--weights", Fixture("deit_style.pth"), Photo, "--prefix", "model_ema", "--json", "--precision", "float32");
        Assert.Equal(0, chosen.Code);
        Assert.Equal(3, chosen.Json[0].GetProperty("classes")[0].GetProperty("index").GetInt32());
        CliOutcome damaged = await CliProgram.Call("predict", "--weights", Fixture("nan.safetensors"), Photo);
        Assert.Equal(1, damaged.Code);
        Assert.Contains("norm.weight at element 3", damaged.Error, StringComparison.Ordinal);
    }

    private static void Same(double[] expected, Predictor predictor)
    {
        IReadOnlyList<ClassScore> scores = predictor.Predict(Photo);
        foreach (ClassScore score in scores) Assert.Equal(expected[score.Index], score.Probability, 5e-5);
    }

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "brought", name);

    private string HuggingFaceFolder(string? processor, string? config = null)
    {
        string folder = Directory.CreateDirectory(_folder.PathOf("hf")).FullName;
        File.Copy(Fixture("vit.safetensors"), Path.Combine(folder, "model.safetensors"), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "config.json"), config ?? File.ReadAllText(Fixture("config.json")));
        if (processor is not null) File.WriteAllText(Path.Combine(folder, "preprocessor_config.json"), processor);
        return folder;
    }
}
