namespace AdaptFormer.Tensors.Files;

/// <summary>Tells the kinds of weights files apart by their first bytes.</summary>
internal static class WeightsFileKinds
{
    /// <inheritdoc cref="WeightsFile.Open"/>
    public static WeightsFile Open(string path) => SafetensorsFile.Open(path);
}
