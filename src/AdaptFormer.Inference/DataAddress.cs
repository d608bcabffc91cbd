using AdaptFormer.Data.Images;

namespace AdaptFormer.Inference;

/// <summary>Pictures as addresses that hold them, for pages that load nothing.</summary>
public static class DataAddress
{
    /// <summary>A picture as PNG.</summary>
    public static string Png(ImageBuffer picture)
    {
        using MemoryStream png = new();
        PngWriter.Write(png, picture);
        return $"data:image/png;base64,{Convert.ToBase64String(png.GetBuffer().AsSpan(0, (int)png.Length))}";
    }
}
