
namespace AdaptFormer.Files.Hub;

/// <summary>Which repository of the Hub holds the published weights of a known model, so that a model's id is all that has to be
/// named.</summary>
public static class PublishedWeights
{
    /// <summary>The model that a first training starts from: small enough for a laptop, good enough for a first result.</summary>
    public const string Default = "deit_tiny_patch16_224";

    private static readonly Dictionary<string, string> Repositories = new(StringComparer.Ordinal)
    {
        ["deit_tiny_patch16_224"] = "facebook/deit-tiny-patch16-224",
        ["deit_small_patch16_224"] = "facebook/deit-small-patch16-224",
        ["deit_base_patch16_224"] = "facebook/deit-base-patch16-224",
        ["deit_base_patch16_384"] = "facebook/deit-base-patch16-384",
        ["vit_base_patch16_224"] = "google/vit-base-patch16-224",
        ["vit_base_patch16_384"] = "google/vit-base-patch16-384",
        ["vit_large_patch16_224"] = "google/vit-large-patch16-224",
        ["vit_base_patch16_224_in21k"] = "google/vit-base-patch16-224-in21k",
        ["vit_large_patch16_224_in21k"] = "google/vit-large-patch16-224-in21k",
        ["vit_huge_patch14_224_in21k"] = "google/vit-huge-patch14-224-in21k",
        ["vit_small_patch16_224.dino"] = "facebook/dino-vits16",
        ["vit_base_patch16_224.dino"] = "facebook/dino-vitb16",
        ["vit_small_patch14_dinov2"] = "facebook/dinov2-small",
        ["vit_base_patch14_dinov2"] = "facebook/dinov2-base",
        ["vit_large_patch14_dinov2"] = "facebook/dinov2-large",
        ["vit_base_patch32_clip_quickgelu_224"] = "openai/clip-vit-base-patch32",
        ["vit_base_patch16_clip_quickgelu_224"] = "openai/clip-vit-base-patch16",
        ["vit_large_patch14_clip_quickgelu_224"] = "openai/clip-vit-large-patch14",
        ["swin_tiny_patch4_window7_224"] = "microsoft/swin-tiny-patch4-window7-224",
        ["swin_small_patch4_window7_224"] = "microsoft/swin-small-patch4-window7-224",
        ["swin_base_patch4_window7_224"] = "microsoft/swin-base-patch4-window7-224",
        ["swin_base_patch4_window12_384"] = "microsoft/swin-base-patch4-window12-384",
    };

    /// <summary>The weights of a model as a recipe names them, for example <c>hub:facebook/deit-tiny-patch16-224</c>; null if none are
    /// known.</summary>
    /// <param name="model">The model's id; see <c>ModelZoo</c>.</param>
    public static string? Of(string model) =>
        Repositories.TryGetValue(model, out string? repository) ? HubId.Scheme + repository : null;
}
