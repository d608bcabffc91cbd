using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Swin;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>The published models. A model is one line; statistics stand beside sizes because weights are useless without them.</summary>
internal static class PublishedModels
{
    private const int ImageNet1k = 1000, ImageNet21k = 21843, ImageNet22k = 21841;

    private static readonly VitConfig Tiny = new(EmbedDim: 192, Depth: 12, NumHeads: 3);
    private static readonly VitConfig Small = new(EmbedDim: 384, Depth: 12, NumHeads: 6);
    private static readonly VitConfig Base = new(EmbedDim: 768, Depth: 12, NumHeads: 12);
    private static readonly VitConfig Large = new(EmbedDim: 1024, Depth: 24, NumHeads: 16);
    private static readonly VitConfig Huge = new(EmbedDim: 1280, Depth: 32, NumHeads: 16);

    private static readonly SwinConfig SwinTiny = new(EmbedDim: 96, Depths: [2, 2, 6, 2], NumHeads: [3, 6, 12, 24]);
    private static readonly SwinConfig SwinSmall = new(EmbedDim: 96, Depths: [2, 2, 18, 2], NumHeads: [3, 6, 12, 24]);
    private static readonly SwinConfig SwinBase = new(EmbedDim: 128, Depths: [2, 2, 18, 2], NumHeads: [4, 8, 16, 32]);
    private static readonly SwinConfig SwinLarge = new(EmbedDim: 192, Depths: [2, 2, 18, 2], NumHeads: [6, 12, 24, 48]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ModelDescription> All { get; } =
    [
        Google("vit_tiny_patch16_224", Tiny, 16, 224),
        Google("vit_tiny_patch16_384", Tiny, 16, 384),
        Google("vit_small_patch32_224", Small, 32, 224),
        Google("vit_small_patch32_384", Small, 32, 384),
        Google("vit_small_patch16_224", Small, 16, 224),
        Google("vit_small_patch16_384", Small, 16, 384),
        Google("vit_base_patch32_224", Base, 32, 224),
        Google("vit_base_patch32_384", Base, 32, 384),
        Google("vit_base_patch16_224", Base, 16, 224),
        Google("vit_base_patch16_384", Base, 16, 384),
        Google("vit_large_patch32_224", Large, 32, 224),
        Google("vit_large_patch32_384", Large, 32, 384),
        Google("vit_large_patch16_224", Large, 16, 224),
        Google("vit_large_patch16_384", Large, 16, 384),
        Google("vit_huge_patch14_224", Huge, 14, 224),
        Google("vit_tiny_patch16_224_in21k", Tiny, 16, 224, ImageNet21k),
        Google("vit_small_patch32_224_in21k", Small, 32, 224, ImageNet21k),
        Google("vit_small_patch16_224_in21k", Small, 16, 224, ImageNet21k),
        Google("vit_base_patch32_224_in21k", Base, 32, 224, ImageNet21k, preLogits: 768),
        Google("vit_base_patch16_224_in21k", Base, 16, 224, ImageNet21k, preLogits: 768),
        Google("vit_large_patch32_224_in21k", Large, 32, 224, ImageNet21k, preLogits: 1024),
        Google("vit_large_patch16_224_in21k", Large, 16, 224, ImageNet21k, preLogits: 1024),
        Google("vit_huge_patch14_224_in21k", Huge, 14, 224, ImageNet21k, preLogits: 1280),
        Facebook("deit_tiny_patch16_224", Tiny, 16, 224, ImageNet1k),
        Facebook("deit_small_patch16_224", Small, 16, 224, ImageNet1k),
        Facebook("deit_base_patch16_224", Base, 16, 224, ImageNet1k),
        Facebook("deit_base_patch16_384", Base, 16, 384, ImageNet1k),
        Facebook("vit_base_patch16", Base, 16, 224, classes: 0),           // MAE's own ids, for its pre-trained encoders
        Facebook("vit_large_patch16", Large, 16, 224, classes: 0),
        Facebook("vit_huge_patch14", Huge, 14, 224, classes: 0),
        Facebook("vit_base_patch16_224.mae", Base, 16, 224, classes: 0),   // the same weights in timm
        Facebook("vit_large_patch16_224.mae", Large, 16, 224, classes: 0),
        Facebook("vit_huge_patch14_224.mae", Huge, 14, 224, classes: 0),
        // in VideoMAE's and AdaptFormer's code without the tag
        VideoMae("vit_small_patch16_224.videomae", new(EmbedDim: 384, Depth: 12, NumHeads: 6)),
        VideoMae("vit_base_patch16_224.videomae", new(EmbedDim: 768, Depth: 12, NumHeads: 12)),
        VideoMae("vit_large_patch16_224.videomae", new(EmbedDim: 1024, Depth: 24, NumHeads: 16)),
        Facebook("vit_small_patch14_dinov2", Small with { LayerScale = true }, 14, 518, classes: 0),
        Facebook("vit_base_patch14_dinov2", Base with { LayerScale = true }, 14, 518, classes: 0),
        Facebook("vit_large_patch14_dinov2", Large with { LayerScale = true }, 14, 518, classes: 0),
        OpenAi("vit_base_patch32_clip_quickgelu_224", Base, 32, 224),
        OpenAi("vit_base_patch16_clip_quickgelu_224", Base, 16, 224),
        OpenAi("vit_large_patch14_clip_quickgelu_224", Large, 14, 224),
        Facebook("vit_small_patch16_224.dino", Small, 16, 224, classes: 0),
        Facebook("vit_base_patch16_224.dino", Base, 16, 224, classes: 0),
        Microsoft("swin_tiny_patch4_window7_224", SwinTiny),
        Microsoft("swin_small_patch4_window7_224", SwinSmall),
        Microsoft("swin_base_patch4_window7_224", SwinBase),
        Microsoft("swin_base_patch4_window12_384", SwinBase, 12),
        Microsoft("swin_large_patch4_window7_224", SwinLarge),
        Microsoft("swin_large_patch4_window12_384", SwinLarge, 12),
        Microsoft("swin_base_patch4_window7_224_in22k", SwinBase, 7, ImageNet22k),
        Microsoft("swin_base_patch4_window12_384_in22k", SwinBase, 12, ImageNet22k),
        Microsoft("swin_large_patch4_window7_224_in22k", SwinLarge, 7, ImageNet22k),
        Microsoft("swin_large_patch4_window12_384_in22k", SwinLarge, 12, ImageNet22k),
        VideoSwin("video_swin_tiny_patch244_window877", SwinTiny),
        VideoSwin("video_swin_small_patch244_window877", SwinSmall),
        VideoSwin("video_swin_base_patch244_window877", SwinBase),
        VideoSwin("video_swin_large_patch244_window877", SwinLarge),
        VideoSwin("video_swin_base_patch244_window1677", SwinBase, 16),      // Something-Something v2's
    ];

    private static ModelDescription Google(string id, VitConfig size, int patch, int image, int classes = ImageNet1k, int preLogits = 0) =>
        new(id, Sized(size, patch, image) with { PreLogits = preLogits }, Preprocessing.Inception(image, image == 384 ? 1.0 : 0.9),
            classes);

    private static ModelDescription Facebook(string id, VitConfig size, int patch, int image, int classes) =>
        new(id, Sized(size, patch, image), Preprocessing.ImageNet(image), classes);

    // Their evaluation resizes the shorter side of a frame to the crop's own size.
    private static ModelDescription VideoMae(string id, VideoVitConfig size) =>
        new(id, size, Preprocessing.ImageNet(size.ImgHeight, cropFraction: 1) with { Interpolation = Interpolation.Bilinear }, Classes: 0);

    private static ModelDescription OpenAi(string id, VitConfig size, int patch, int image) => new(
        id, Sized(size, patch, image) with { PatchBias = false, PreNorm = true, NormEps = 1e-5f, Activation = MlpActivation.QuickGelu },
        Preprocessing.Clip(image), 0);

    // Windows of 7 are for pictures of 224 pixels, windows of 12 for 384.
    private static ModelDescription Microsoft(string id, SwinConfig size, int window = 7, int classes = ImageNet1k)
    {
        int side = 32 * window;
        return new(id, (size with { WindowSize = window }).WithImgSize(side), Preprocessing.ImageNet(side, side == 384 ? 1.0 : 0.9),
            classes);
    }

    // Their evaluation resizes the shorter side of a frame to the crop's own size.
    private static ModelDescription VideoSwin(string id, SwinConfig size, int windowFrames = 8) => new(
        id, new VideoSwinConfig(EmbedDim: size.EmbedDim, Depths: size.Depths, NumHeads: size.NumHeads, WindowFrames: windowFrames),
        Preprocessing.ImageNet(size.ImgHeight, cropFraction: 1) with { Interpolation = Interpolation.Bilinear }, Classes: 0);

    private static VitConfig Sized(VitConfig size, int patch, int image) =>
        size with { PatchSize = patch, ImgHeight = image, ImgWidth = image };
}
