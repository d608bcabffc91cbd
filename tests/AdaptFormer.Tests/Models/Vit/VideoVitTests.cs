using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Vit;

public sealed class VideoVitTests
{
    private static readonly VideoVitConfig Tiny = new(4, 16, 16, PatchSize: 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2);

    [Fact]
    public void An_encoder_of_pre_training_is_recognised_by_names_and_shapes()
    {
        using Backbone model = BackboneLoader.Open(TestFolder.Fixture("videomae_pretrain_encoder.pth"), new(NumHeads: 2, ImgSize: 16, NumFrames: 4));
        Assert.Equal(Tiny, model.Config);
        Assert.Equal(new Shape(3, 4, 16, 16), model.InputShape);
        Assert.Equal(["fc_norm.weight", "fc_norm.bias"], model.Source!.Report.Fresh);
        Assert.Contains("norm.weight", model.Source.Report.Ignored.Select(entry => entry.Name));

        using Backbone official = BackboneLoader.Open(TestFolder.Fixture("videomae_pretrain_encoder.expected.safetensors"), new(NumHeads: 2, ImgSize: 16, NumFrames: 4));
        Assert.Equal("AdaptFormer", official.Source!.Report.Naming);
        Assert.Equal(TinyBackbone.Logits(model), TinyBackbone.Logits(official));
    }

    [Theory]
    [InlineData(2, 16)]
    [InlineData(8, 24)]
    public void Any_clip_size_runs_with_positions_of_its_own(int frames, int side)
    {
        using Backbone model = (Tiny with { NumFrames = frames, ImgHeight = side, ImgWidth = side }).Create("tiny");
        model.Initialize(new Rng(0));
        new AdaptFormerTuning(2).Attach(model, 3, new Rng(1));
        Assert.Equal(6, TinyBackbone.Logits(model).Length);
        using TensorScope scope = new();
        Assert.Contains($"clips must be [B, 3, {frames}, {side}, {side}]", Assert.Throws<ArgumentException>(() => model.Forward(Tensor.Zeros(1, 3, frames + 2, side, side))).Message);
    }

    [Fact]
    public void Clips_travel_a_few_at_a_time_and_answer_as_alone()
    {
        using Backbone model = Tiny.Create("tiny");
        model.Initialize(new Rng(0));
        using TensorScope scope = new();
        Tensor clips = Tensor.From(GradCheck.Numbers(new Rng(4), 3 * 3 * 4 * 256), new Shape(3, 3, 4, 16, 16));
        ParityCase.AssertClose("features", model.Forward(clips).ToArray()[32..], model.Forward(clips.SliceBatch(2, 1)).ToArray(), 1e-6);
    }

    [Fact]
    public void Sizes_that_contradict_each_other_are_named_all_at_once()
    {
        string message = Assert.Throws<ArgumentException>(() => new VideoVitConfig(NumFrames: 7, ImgWidth: 30, EmbedDim: 10, NumHeads: 4).Validate()).Message;
        Assert.All((string[])["tubelet_size 2 must divide num_frames 7", "patch_size 16 must divide the frame 224x30", "num_heads 4 must divide embed_dim 10"], part => Assert.Contains(part, message));
    }

    [Fact]
    public void Ids_have_the_sizes_of_the_published_weights()
    {
        Assert.Equal(new VideoVitConfig(), ModelZoo.Get("vit_base_patch16_224.videomae").Config);
        Assert.Equal("vit_large_patch16_224.videomae", ModelZoo.ArchitectureOf(new VideoVitConfig(EmbedDim: 1024, Depth: 24, NumHeads: 16)));
    }
}
