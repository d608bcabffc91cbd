namespace AdaptFormer.Data.Images;

/// <summary>Makes the exceptions of the decoders, all of one form: the file's name, what is wrong, what was expected.</summary>
internal static class ImageErrors
{
    /// <summary>A file that does not hold what its header promises.</summary>
    public static InvalidDataException Bad(string name, string problem) => new($"{name}: {problem}");

    /// <summary>A picture whose data end early, or are too few for its size from the start.</summary>
    public static InvalidDataException Truncated(string name, string format) =>
        Bad(name, $"the {format} data end early: the file is truncated or damaged.");

    /// <summary>Refuses an impossible or enormous size before any memory is taken for it.</summary>
    /// <exception cref="InvalidDataException">A side is not positive, or one exceeds <see cref="ImageBuffer.MaxSide"/>, or the area
    /// <see cref="ImageBuffer.MaxPixels"/>.</exception>
    public static void CheckSize(string name, string format, long width, long height)
    {
        if (width <= 0 || height <= 0)
            throw Bad(name, $"the {format} header gives a size of {width}x{height}; both sides must be positive.");
        if (width > ImageBuffer.MaxSide || height > ImageBuffer.MaxSide)
        {
            throw Bad(name, $"the {format} header gives a size of {width}x{height}; sides of at most {ImageBuffer.MaxSide} pixels are "
                + "decoded: cut the picture up or shrink it first.");
        }

        if (width * height > ImageBuffer.MaxPixels)
        {
            throw Bad(name, $"the {format} header gives {width}x{height} = {width * height} pixels; at most {ImageBuffer.MaxPixels} are "
                + "decoded (a guard against decompression bombs): shrink the picture first.");
        }
    }
}
