namespace AdaptFormer.Data;

/// <summary>Filters for resizing, with Pillow's definitions: the filter widens when shrinking, so nothing aliases.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,

    /// <summary>Sinc windowed by sinc, support 3.</summary>
    Lanczos,

    /// <summary>Mean of the covered pixels, support 0.5.</summary>
    Box,
}

/// <summary>A rectangle of pixels.</summary>
/// <param name="Left">Distance from the left edge.</param>
/// <param name="Top">Distance from the top edge.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Number of rows.</param>
public readonly record struct PixelBox(int Left, int Top, int Width, int Height)
{
    /// <summary>The whole of an image.</summary>
    public static PixelBox Of(ImageBuffer image) => new(0, 0, image.Width, image.Height);

    /// <summary>Whether this rectangle is not empty and lies within an image of the given size.</summary>
    public bool FitsIn(int width, int height) =>
        Left >= 0 && Top >= 0 && Width > 0 && Height > 0 && Left <= width - Width && Top <= height - Height;
}
