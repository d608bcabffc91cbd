namespace AdaptFormer.Data;

/// <summary>Makes the exceptions of the decoders, all of one form: the file's name, what is wrong, what was expected.</summary>
internal static class ImageErrors
{
    /// <summary>A file that does not hold what its header promises.</summary>
    public static InvalidDataException Bad(string name, string problem) => new($"{name}: {problem}");

    /// <summary>Refuses an impossible or enormous size before any memory is taken for it.</summary>
    /// <exception cref="InvalidDataException">A side is not positive, or the area exceeds <see cref="ImageBuffer.MaxPixels"/>.</exception>
    public static void CheckSize(string name, ImageFormat format, long width, long height)
    {
        if (width <= 0 || height <= 0 || width > int.MaxValue || height > int.MaxValue)
            throw Bad(name, $"the {format} header gives a size of {width}x{height}; both sides must be positive.");
        if (width * height > ImageBuffer.MaxPixels)
        {
            throw Bad(name, $"the {format} header gives {width}x{height} = {width * height} pixels; at most {ImageBuffer.MaxPixels} are decoded "
                + "(a guard against decompression bombs): shrink the picture first.");
        }
    }
}
