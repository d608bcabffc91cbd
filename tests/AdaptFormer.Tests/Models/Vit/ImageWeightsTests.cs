using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models.Vit;

public sealed class ImageWeightsTests : IDisposable
{
    private static readonly BackboneOptions Mean = new(Config: TinyBackbone.Config, NumFrames: 4, Inflate: Inflation.Mean);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Inflation.Mean)]
    [InlineData(Inflation.Centre)]
    public void A_still_clip_has_the_patch_embedding_of_its_picture(Inflation how)
    {
        string weights = TinyBackbone.Save(_folder);
        using Backbone image = TinyBackbone.Open(weights), video = BackboneLoader.Open(weights, Mean with { Inflate = how });
        AssertStillClip(image, video, side: 16, frames: 4, 1e-5);
    }

    [Fact]
    public void Real_image_weights_read_still_clips_as_their_picture()
    {
        string weights = SharedData.Require("deit_tiny/deit_tiny_patch16_224.safetensors");
        using Backbone image = BackboneLoader.Open(weights, new(Id: "deit_tiny_patch16_224", ImgSize: 64));
        using Backbone video = BackboneLoader.Open(weights, new(Id: "deit_tiny_patch16_224", ImgSize: 64, NumFrames: 4, Inflate: Inflation.Mean));
        Assert.Equal(image.Source!.Preprocessing, video.Source!.Preprocessing);
        Assert.Equal(image.Source.Digest, video.Source.Digest);
        AssertStillClip(image, video, side: 64, frames: 4, 1e-4);
    }

    [Fact]
    public void Centre_inflation_sees_the_central_frame_alone()
    {
        string weights = TinyBackbone.Save(_folder);
        using Backbone video = BackboneLoader.Open(weights, Mean with { NumFrames = 2, Inflate = Inflation.Centre });
        using TensorScope scope = new();
        Tensor clip = Clip(2, 16), changed = Clip(2, 16);
        for (int c = 0; c < 3; c++) changed.Span.Slice(c * 2 * 256, 256).Fill(9);       // frame 0
        Assert.Equal(video.Features(clip).ToArray(), video.Features(changed).ToArray());
    }

    [Fact]
    public void Everything_of_the_image_model_has_its_place_or_a_reason()
    {
        using Backbone video = BackboneLoader.Open(TinyBackbone.Save(_folder), Mean with { ImgSize = 32 });
        VideoVitConfig config = Assert.IsType<VideoVitConfig>(video.Config);
        Assert.Equal((4, 32, 2 * 16, true, Inflation.Mean), (config.NumFrames, config.ImgHeight, config.Patches, config.ImageTokens, config.Inflate));
        LoadReport report = video.Source!.Report;
        Assert.Equal(["fc_norm.weight", "fc_norm.bias"], report.Fresh);
        Assert.Equal(["norm.bias", "norm.weight"], report.Ignored.Select(entry => entry.Name));
        Assert.Contains("pos_embed from 2x2 to 4x4 patches, repeated for 2 steps in time; the class token keeps its own", report.Changes);
        Assert.Contains("patch_embed.proj.weight from [16, 3, 8, 8] to tubelets of 2 frames (mean inflation)", report.Changes);
    }

    [Fact]
    public void A_missing_bias_of_the_keys_changes_no_block()
    {
        string weights = TinyBackbone.Save(_folder);
        using Backbone image = TinyBackbone.Open(weights), video = BackboneLoader.Open(weights, Mean);
        using TensorScope scope = new();
        Tensor tokens = Tensor.From(GradCheck.Numbers(new Rng(2), 5 * 16), new Shape(1, 5, 16));
        ParityCase.AssertClose("block", image.Blocks[1].Forward(tokens).ToArray(), video.Blocks[1].Forward(tokens).ToArray(), 1e-5);
    }

    [Fact]
    public void What_was_trained_on_inflated_weights_is_loaded_on_them_again()
    {
        string weights = TinyBackbone.Save(_folder), adapter = _folder.PathOf("adapter.safetensors");
        float[] before;
        using (Backbone video = BackboneLoader.Open(weights, Mean))
        {
            new AdaptFormerTuning(2).Attach(video, 2, new Rng(3));
            TinyBackbone.Randomize(video, 4, name => name.Contains("adaptmlp") || name.StartsWith("head", StringComparison.Ordinal));
            AdapterFile.Save(adapter, video, new AdaptFormerTuning(2), ["a", "b"]);
            before = TinyBackbone.Logits(video);
        }

        using Backbone again = BackboneLoader.Open(weights, new(Config: BackboneConfig.FromJson(AdapterFile.Open(adapter).Backbone.Config)));
        AdapterFile.Load(adapter, again);
        Assert.Equal(before, TinyBackbone.Logits(again));
        using Backbone other = BackboneLoader.Open(weights, Mean with { Inflate = Inflation.Centre });
        Assert.Contains("inflate", Assert.Throws<InvalidDataException>(() => AdapterFile.Load(adapter, other)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fully_tuned_one_is_a_video_backbone_of_its_own()
    {
        string adapter = _folder.PathOf("adapter.safetensors"), next = _folder.PathOf("next.safetensors");
        using Backbone video = BackboneLoader.Open(TinyBackbone.Save(_folder), Mean);
        new FullTuning().Attach(video, 2, new Rng(3));
        AdapterFile.Save(adapter, video, new FullTuning(), ["a", "b"]);
        TunedBackbone.Export(adapter, next);
        using Backbone again = BackboneLoader.Open(next, new(NumHeads: 2, ImgSize: 16));
        Assert.Equal(((VideoVitConfig)video.Config) with { Inflate = null }, again.Config);
    }

    [Fact]
    public void Image_weights_are_not_taken_for_clips_unasked_and_video_weights_are_not_inflated()
    {
        string weights = TinyBackbone.Save(_folder);
        VideoVitConfig clips = (VideoVitConfig)TinyBackbone.Config.WithInflation(Inflation.Mean) with { Inflate = null, ImageTokens = false };
        Assert.Contains("set inflate to mean or centre", Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(weights, new(Config: clips))).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be inflated", Assert.Throws<ArgumentException>(() => clips.WithInflation(Inflation.Mean)).Message, StringComparison.Ordinal);
        Assert.Contains("not clips", Assert.Throws<ArgumentException>(() => BackboneLoader.Open(weights, new(Config: TinyBackbone.Config, NumFrames: 4))).Message, StringComparison.Ordinal);
    }

    private static void AssertStillClip(Backbone image, Backbone video, int side, int frames, double tolerance)
    {
        using TensorScope scope = new();
        Tensor picture = Tensor.From(GradCheck.Numbers(new Rng(1), 3 * side * side), new Shape(1, 3, side, side)), clip = Tensor.Empty(new Shape(1, 3, frames, side, side));
        for (int plane = 0; plane < 3 * frames; plane++) picture.Span.Slice(plane / frames * side * side, side * side).CopyTo(clip.Span[(plane * side * side)..]);
        float[] expected = [], actual = [];
        image.Forward(picture, (name, value) => expected = name == "patch_embed" ? value.ToArray() : expected);
        video.Forward(clip, (name, value) => actual = name == "patch_embed" ? value.ToArray() : actual);
        ParityCase.AssertClose("patch_embed", [.. Enumerable.Repeat(expected, frames / 2).SelectMany(step => step)], actual, tolerance);
    }

    private static Tensor Clip(int frames, int side) => Tensor.From(GradCheck.Numbers(new Rng(8), 3 * frames * side * side), new Shape(1, 3, frames, side, side));
}
