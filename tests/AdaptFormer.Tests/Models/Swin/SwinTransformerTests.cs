using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Swin;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Swin;

public sealed class SwinTransformerTests
{
    private static readonly JsonElement Golden =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "param_counts.json"))).RootElement.GetProperty("counts");

    [Theory]
    [InlineData("full")]
    [InlineData("linear")]
    [InlineData("adaptformer-64")]
    public void Parameters_are_counted_as_in_the_original_programs(string method)
    {
        JsonElement golden = Golden.GetProperty($"image_swin_b_w7_100cls/{method}"), video = Golden.GetProperty("video_swin_b_w8x7x7_174cls");
        Tuning tuning = method switch { "full" => new FullTuning(), "linear" => new LinearProbe(), _ => new AdaptFormerTuning() };
        ModelReport report = Report("swin_base_patch4_window7_224", tuning, 100);
        Assert.Equal((golden.GetProperty("total").GetInt64(), golden.GetProperty("trainable").GetInt64()), (report.Total, report.Trainable));
        Assert.Equal(golden.GetProperty("added_modules").GetInt64(), report.Parts.Where(part => part.Name == "method").Sum(part => part.Total));

        ModelReport clips = Report("video_swin_base_patch244_window877", tuning, 174);
        Assert.Equal(video.GetProperty(method).GetInt64(), clips.Trainable);
        Assert.Equal(video.GetProperty("backbone").GetInt64(), clips.Parts.Where(part => part.Name is not ("head" or "method")).Sum(part => part.Total));
    }

    [Theory]
    [InlineData("swin_tiny_patch4_window7_224", 28_288_354, 4.5)]       // parameters with a head of 1000 classes, billions of multiply-adds: the paper's table 1
    [InlineData("swin_small_patch4_window7_224", 49_606_258, 8.7)]
    [InlineData("swin_base_patch4_window7_224", 87_768_224, 15.4)]
    [InlineData("swin_base_patch4_window12_384", 87_903_584, 47.0)]
    [InlineData("swin_large_patch4_window7_224", 196_532_476, 34.5)]
    public void Published_sizes_have_the_published_costs(string id, long parameters, double gigaMacs)
    {
        ModelReport report = Report(id, new LinearProbe(AdaptFormer.Models.Layers.HeadKind.Plain), 1000);
        Assert.Equal(parameters, report.Total);
        Assert.InRange(report.Macs / 1e9, gigaMacs - 0.11, gigaMacs + 0.11);
    }

    [Theory]
    [InlineData(16, 16)]
    [InlineData(17, 31)]      // patches, windows and merging pad
    [InlineData(3, 5)]        // smaller than a window
    public void Any_size_runs_in_both_types_and_chunks_do_not_matter(int height, int width)
    {
        SwinConfig config = TinySwin.Config with { ImgHeight = height, ImgWidth = width };
        using TensorScope scope = new();
        using SwinTransformer model = TinySwin.Create(config), rounded = TinySwin.Create(config, compute: DataType.BFloat16);
        float[] together = model.Forward(TinySwin.Pixels(model, 3)).ToArray();
        ParityCase.AssertClose("one by one", together, [.. Enumerable.Range(0, 3).SelectMany(i => model.Features(TinySwin.Pixels(model, 3).View(new Shape(1, 3, height, width), (long)i * 3 * height * width)).ToArray())], 1e-5);
        ParityCase.AssertClose("bf16", together, rounded.Forward(TinySwin.Pixels(model, 3)).ToArray(), 3e-2);
        Assert.All(together, x => Assert.True(float.IsFinite(x)));
    }

    [Fact]
    public void Another_size_than_the_models_is_refused_with_both()
    {
        using TensorScope scope = new();
        using SwinTransformer model = TinySwin.Create();
        Assert.Equal("tiny-swin: pixels must be [B, 3, 16, 16], got [1, 3, 16, 18] (another size: build the model with it).", Assert.Throws<ArgumentException>(() => model.Forward(Tensor.Zeros(1, 3, 16, 18))).Message);
    }

    [Fact]
    public void Contradictions_are_named_all_at_once()
    {
        string message = Assert.Throws<ArgumentException>(() => (TinySwin.Config with { NumHeads = [3], DropPath = 1 }).Create("x")).Message;
        Assert.Contains("depths and num_heads must have one number for each stage, got 2 and 1", message);
        Assert.Contains("drop_path 1 must be in [0, 1)", message);
        Assert.Contains("num_heads 3 must divide the 8 features of stage 0", Assert.Throws<ArgumentException>(() => (TinySwin.Video with { NumHeads = [3, 4] }).Create("x")).Message);
    }

    [Fact]
    public void Sizes_are_equal_exactly_when_weights_fit()
    {
        SwinConfig same = TinySwin.Config with { Depths = [2, 1] };
        Assert.Equal(TinySwin.Config, same);
        Assert.Equal(TinySwin.Config.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(TinySwin.Config, TinySwin.Config with { Depths = [1, 2] });
        Assert.NotEqual(TinySwin.Config, TinySwin.Config with { NumHeads = [4, 4] });
        Assert.NotEqual(TinySwin.Video, TinySwin.Video with { WindowFrames = 4 });
        Assert.Equal(TinySwin.Video, BackboneConfig.FromJson(TinySwin.Video.ToJson()));
    }

    [Fact]
    public void Stochastic_depth_acts_in_training_alone()
    {
        using TensorScope scope = new();
        using SwinTransformer plain = TinySwin.Create(), dropping = TinySwin.Create(TinySwin.Config with { DropPath = 0.9f });
        float[] expected = plain.Forward(TinySwin.Pixels(plain)).ToArray();
        Assert.Equal(expected, dropping.Forward(TinySwin.Pixels(plain)).ToArray());
        using Tape tape = new(new Rng(0));
        Assert.NotEqual(expected, dropping.Forward(tape.Watch(TinySwin.Pixels(plain))).ToArray());
    }

    private static ModelReport Report(string id, Tuning tuning, int classes)
    {
        using Backbone model = ModelZoo.Get(id).Create();
        return ModelReport.Of(model, tuning, classes, batch: 2);
    }
}
