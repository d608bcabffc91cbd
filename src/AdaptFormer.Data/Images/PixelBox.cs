namespace AdaptFormer.Data.Images;

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
