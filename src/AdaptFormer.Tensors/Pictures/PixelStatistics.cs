namespace AdaptFormer.Tensors.Pictures;

/// <summary>How pixels are normalised: (v − mean) / std for each channel, with v in [0, 1].</summary>
/// <param name="Mean">Subtracted.</param>
/// <param name="Std">Divides afterwards; positive.</param>
public readonly record struct PixelStatistics(Rgb Mean, Rgb Std)
{
    /// <summary>ImageNet's: DeiT, MAE, DINO and most others.</summary>
    public static PixelStatistics ImageNet { get; } = new(new(0.485f, 0.456f, 0.406f), new(0.229f, 0.224f, 0.225f));

    /// <summary>Mean and deviation 0.5: Google's ViT and AugReg weights.</summary>
    public static PixelStatistics Inception { get; } = new(new(0.5f, 0.5f, 0.5f), new(0.5f, 0.5f, 0.5f));

    /// <summary>OpenAI's CLIP: those of its own pictures.</summary>
    public static PixelStatistics Clip { get; } =
        new(new(0.48145466f, 0.4578275f, 0.40821073f), new(0.26862954f, 0.26130258f, 0.27577711f));

    /// <summary>Pixels stay in [0, 1].</summary>
    public static PixelStatistics None { get; } = new(default, new(1, 1, 1));

    /// <summary>The name: <c>imagenet</c>, <c>inception</c>, <c>clip</c>, <c>none</c> or <c>custom</c>.</summary>
    public string Name => this == ImageNet ? "imagenet" : this == Inception ? "inception" : this == Clip ? "clip" : this == None ? "none"
        : "custom";
}
