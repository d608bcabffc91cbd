using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Swin;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Swin;

public sealed class SwinWeightsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("swin", "timm", "")]
    [InlineData("timm-swin", "timm swin", "")]
    [InlineData("huggingface-swin", "Hugging Face swin", "swin.")]
    public void Every_naming_gives_the_same_model_and_is_written_again(string naming, string recognised, string wrapper)
    {
        using SwinTransformer model = WithHead(TinySwin.Create());
        StateDict theirs = CheckpointConverter.Named(WithBuffers(model, naming == "swin"), NameMaps.Get(naming));
        CheckpointConverter.Save(_folder.PathOf("weights.safetensors"), theirs);
        AssertReadsBack(model, recognised, wrapper, new(ImgSize: 16));
        string[] again = [.. CheckpointConverter.Named(StateDict.Of(model), NameMaps.Get(naming)).Weights.Keys.Order()];
        Assert.Equal(theirs.Weights.Keys.Where(name => !BackboneFamily.IsComputed(name)).Order(), again);
    }

    [Fact]
    public void The_official_video_code_keeps_its_backbone_and_its_classifier_apart()
    {
        using SwinTransformer model = WithHead(TinySwin.Create(TinySwin.Video));
        StateDict theirs = CheckpointConverter.Named(StateDict.Of(model), NameMaps.OfficialVideoSwin);
        Assert.Contains("backbone.layers.0.blocks.1.attn.relative_position_bias_table", theirs.Weights.Keys);
        Assert.Contains("cls_head.fc_cls.weight", theirs.Weights.Keys);
        theirs.Add("backbone.layers.0.blocks.0.attn.relative_position_index", new StateDict.Weight(new Shape(32, 32), destination => destination.Clear()));
        CheckpointConverter.Save(_folder.PathOf("weights.safetensors"), theirs);
        AssertReadsBack(model, "Video Swin", "backbone.", new(ImgSize: 16, NumFrames: 4));
    }

    [Theory]
    [InlineData("timm-swin")]
    [InlineData("huggingface-swin")]
    [InlineData("video-swin")]
    public void Converting_there_and_back_changes_nothing_and_drops_what_follows_from_the_sizes(string naming)
    {
        using SwinTransformer model = WithHead(TinySwin.Create(naming == "video-swin" ? TinySwin.Video : TinySwin.Config));
        string first = _folder.PathOf("first.safetensors"), there = _folder.PathOf("there.safetensors"), back = _folder.PathOf("back.safetensors");
        CheckpointConverter.Save(first, WithBuffers(model, masks: true));
        ConversionReport report = CheckpointConverter.Convert(first, there, NameMaps.Get(naming));
        Assert.Contains("layers.0.blocks.1.attn_mask", report.LeftOut);
        CheckpointConverter.Convert(there, back, NameMaps.Get("swin"));
        BackboneOptions options = new(Config: model.Config, KeepHead: true);
        using Backbone a = BackboneLoader.Open(first, options), b = BackboneLoader.Open(back, options);
        Assert.Equal(a.Source!.Digest, b.Source!.Digest);
        Assert.Equal(TinyBackbone.Logits(a), TinyBackbone.Logits(b));
    }

    [Fact]
    public void Sizes_follow_from_shapes_and_masks_and_from_a_hugging_face_folder()
    {
        using SwinTransformer model = TinySwin.Create(TinySwin.Config with { ImgHeight = 32, ImgWidth = 32 });
        CheckpointConverter.Save(_folder.PathOf("masked.safetensors"), WithBuffers(model, masks: true));
        using (Backbone masked = BackboneLoader.Open(_folder.PathOf("masked.safetensors"))) Assert.Equal(model.Config, masked.Config);
        CheckpointConverter.Save(_folder.PathOf("plain.safetensors"), StateDict.Of(model));
        using (Backbone plain = BackboneLoader.Open(_folder.PathOf("plain.safetensors"))) Assert.Equal(model.Config.WithImgSize(16), plain.Config);      // window·patch·2 for two stages

        string folder = Directory.CreateDirectory(_folder.PathOf("hf")).FullName;
        CheckpointConverter.Save(Path.Combine(folder, "model.safetensors"), CheckpointConverter.Named(StateDict.Of(model), NameMaps.HuggingFaceSwin));
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "swin", "hidden_act": "gelu", "image_size": 32, "layer_norm_eps": 1e-5, "depths": [2, 1], "num_heads": [2, 4], "window_size": 4}""");
        using Backbone hugging = BackboneLoader.Open(folder);
        Assert.Equal(model.Config, hugging.Config);
        Assert.Equal(TinyBackbone.Logits(model), TinyBackbone.Logits(hugging));
    }

    [Fact]
    public void Tables_are_resized_for_another_window_and_it_is_said()
    {
        using SwinTransformer model = TinySwin.Create(TinySwin.Config with { ImgHeight = 32, ImgWidth = 32 });
        string path = _folder.PathOf("weights.safetensors");
        CheckpointConverter.Save(path, StateDict.Of(model));
        using Backbone wider = BackboneLoader.Open(path, new(Config: ((SwinConfig)model.Config) with { WindowSize = 6 }));
        float[] expected = PositionEmbeddings.Resize(Table(model, 0), 2, extra: 0, (7, 7), (11, 11));
        Assert.Equal(expected, Table(wider, 0));
        Assert.Equal(["relative_position_bias_table of stage 0 from 49 to 121 positions (bicubic)", "relative_position_bias_table of stage 1 from 49 to 121 positions (bicubic)"], wider.Source!.Report.Changes);

        using Backbone smaller = BackboneLoader.Open(path, new(ImgSize: 12));       // a second stage of 3x3 tokens: windows of 3
        Assert.Equal(["relative_position_bias_table of stage 1 from 49 to 25 positions (bicubic)"], smaller.Source!.Report.Changes);
    }

    [Theory]
    [InlineData(16, 16, 4)]
    [InlineData(26, 30, 8)]       // windows and patch merging pad
    public void A_still_clip_has_the_features_of_its_picture(int height, int width, int frames)
    {
        using SwinTransformer image = TinySwin.Create(TinySwin.Config with { ImgHeight = height, ImgWidth = width });
        string path = _folder.PathOf("image.safetensors");
        CheckpointConverter.Save(path, StateDict.Of(image));
        VideoSwinConfig config = (VideoSwinConfig)image.Config.WithInflation(Inflation.Mean) with { NumFrames = frames, WindowFrames = 2 };
        using Backbone video = BackboneLoader.Open(path, new(Config: config));
        using TensorScope scope = new();
        Tensor pixels = TinySwin.Pixels(image), clips = Tensor.Empty(new Shape(2, 3, frames, height, width));
        int plane = height * width;
        for (int i = 0; i < 2 * 3 * frames; i++) pixels.Span.Slice(i / frames * plane, plane).CopyTo(clips.Span[(i * plane)..]);
        ParityCase.AssertClose("features", image.Forward(pixels).ToArray(), video.Forward(clips).ToArray(), 1e-4);
        Assert.Contains("patch_embed.proj.weight from [8, 3, 2, 2] to tubelets of 2 frames (mean inflation)", video.Source!.Report.Changes);
        Assert.Contains("relative_position_bias_table of stage 1 from 49 to 147 positions (bicubic, repeated along time)", video.Source.Report.Changes);
    }

    [Fact]
    public void Image_weights_are_not_taken_for_clips_unasked()
    {
        using SwinTransformer image = TinySwin.Create();
        string path = _folder.PathOf("image.safetensors");
        CheckpointConverter.Save(path, StateDict.Of(image));
        Assert.Contains("set inflate to mean or centre", Assert.Throws<InvalidDataException>(() => BackboneLoader.Open(path, new(Config: TinySwin.Video))).Message);
    }

    private void AssertReadsBack(SwinTransformer model, string recognised, string wrapper, BackboneOptions options)
    {
        using Backbone read = BackboneLoader.Open(_folder.PathOf("weights.safetensors"), options);
        Assert.Equal((recognised, wrapper), (read.Source!.Report.Naming, read.Source.Report.Wrapper));
        Assert.Equal(model.Config, read.Config);
        Assert.Equal(TinyBackbone.Logits(model), TinyBackbone.Logits(read));
        Assert.Equal(model.ContentDigest(), read.Source.Digest);
    }

    private static SwinTransformer WithHead(SwinTransformer model)
    {
        new LinearProbe(HeadKind.Plain).Attach(model, 5, new Rng(3));
        return model;
    }

    /// <summary>The weights with the buffers that the authors' code stores beside them.</summary>
    private static StateDict WithBuffers(SwinTransformer model, bool masks)
    {
        StateDict state = StateDict.Of(model);
        if (!masks) return state;
        int windows = model.Config.Grid.H / 4;
        state.Add("layers.0.blocks.0.attn.relative_position_index", new StateDict.Weight(new Shape(16, 16), destination => destination.Clear()));
        state.Add("layers.0.blocks.1.attn_mask", new StateDict.Weight(new Shape(windows * windows, 16, 16), destination => destination.Clear()));
        return state;
    }

    private static float[] Table(Backbone model, int stage) => model.Parameters().Single(entry => entry.Key == RelativePositionTables.NameOf(stage, 0)).Value.ToArray();
}
