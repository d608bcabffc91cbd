namespace AdaptFormer.Data;

/// <summary>File formats that <see cref="ImageDecoder"/> knows, told apart by their first bytes.</summary>
public enum ImageFormat
{
    /// <summary>JPEG, decoded by libjpeg-turbo.</summary>
    Jpeg,

    /// <summary>PNG, decoded by this library.</summary>
    Png,

    /// <summary>Windows bitmap, decoded by this library.</summary>
    Bmp,

    /// <summary>Portable graymap or pixmap (P2, P3, P5, P6), decoded by this library.</summary>
    Pnm,

    /// <summary>WebP, decoded by libwebp.</summary>
    WebP,
}

/// <summary>What a file's header says of the picture inside.</summary>
/// <param name="Format">File format.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Number of rows.</param>
public readonly record struct ImageInfo(ImageFormat Format, int Width, int Height);
