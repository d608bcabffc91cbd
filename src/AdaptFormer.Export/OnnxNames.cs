namespace AdaptFormer.Export;

/// <summary>Names in an exported file: what is handed in, what comes out, and the texts beside the graph.</summary>
public static class OnnxNames
{
    /// <summary>Input: pictures of one size, bytes, [B, H, W, 3], RGB.</summary>
    public const string Image = "image";

    /// <summary>Input: clips of one size, bytes, [B, T, H, W, 3], RGB.</summary>
    public const string Clip = "clip";

    /// <summary>Input: what the model reads, resized and normalised, f32, [B, 3, S, S] or [B, 3, T, S, S].</summary>
    public const string Pixels = "pixels";

    /// <summary>Output: one number for each class, [B, K], f32; of several tasks each has the task's name.</summary>
    public const string Logits = "logits";

    /// <summary>Output: what the head reads, [B, F], f32.</summary>
    public const string Features = "features";

    /// <summary>Text: what the file is, as JSON.</summary>
    public const string Card = "adaptformer";
}
