namespace AdaptFormer.Peers;

/// <summary>One piece of work that ours and peers do in turns.</summary>
/// <param name="Name">By which it is chosen.</param>
/// <param name="Title">How the table calls it.</param>
/// <param name="Model">The model's id.</param>
/// <param name="Mode">train or predict.</param>
/// <param name="Method">How it is tuned.</param>
/// <param name="Batch">Pictures of a step.</param>
/// <param name="Precision">Of ours: float32, bfloat16 or int8.</param>
/// <param name="Peers">What it is compared with.</param>
internal sealed record Case(
    string Name, string Title, string Model, string Mode, string Method, int Batch, string Precision, IReadOnlyList<string> Peers)
{
    /// <summary>Prefixes of the names of peers: what runs them.</summary>
    public const string Torch = "LibTorch, ", Onnx = "ONNX Runtime, ", Ours = "ours, ";

    private const string Base = "vit_base_patch16_224", Tiny = "vit_tiny_patch16_224", Adapter = "adaptformer";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Case> All { get; } =
    [
        Training("train-base-bf16", "ViT-B/16, batch 16, train AdaptFormer-64", Base, Adapter, 16, "bfloat16"),
        Training("train-base-f32", "ViT-B/16, batch 16, train AdaptFormer-64", Base, Adapter, 16, "float32"),
        Training("train-tiny-bf16", "ViT-Tiny/16, batch 32, train AdaptFormer-64", Tiny, Adapter, 32, "bfloat16"),
        Training("train-tiny-f32", "ViT-Tiny/16, batch 32, train AdaptFormer-64", Tiny, Adapter, 32, "float32"),
        Training("train-full-bf16", "ViT-B/16, batch 16, train all weights", Base, "full", 16, "bfloat16"),
        Training("train-full-f32", "ViT-B/16, batch 16, train all weights", Base, "full", 16, "float32"),
        Predicting("predict-base-16-bf16", 16, "bfloat16"),
        Predicting("predict-base-1-bf16", 1, "bfloat16"),
        Predicting("predict-base-16-f32", 16, "float32"),
        Predicting("predict-base-1-f32", 1, "float32"),
        Predicting("predict-base-16-int8", 16, "int8"),
        Predicting("predict-base-1-int8", 1, "int8"),
    ];

    private static Case Training(string name, string title, string model, string method, int batch, string precision) =>
        new(name, title, model, "train", method, batch, precision, Settings(precision));

    private static Case Predicting(string name, int batch, string precision) => new(
        name, $"ViT-B/16 with AdaptFormer-64, batch {batch}, predict", Base, "predict", Adapter, batch, precision,
        precision == "int8" ? [Onnx + "int8", Ours + "bfloat16"]
        : precision == "float32" ? [.. Settings(precision), Onnx + "float32"] : Settings(precision));

    private static string[] Settings(string precision) =>
    [
        .. TorchSetting.All.Where(s => (s.Compute == TorchSharp.torch.ScalarType.Float32) == (precision == "float32"))
            .Select(s => Torch + s.Name),
    ];
}
