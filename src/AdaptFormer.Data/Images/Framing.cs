namespace AdaptFormer.Data.Images;

/// <summary>Which part of a picture a sample shows: the sizes and offsets of torchvision's transforms, with their rounding.</summary>
public static class Framing
{
    /// <summary>Size after scaling the shorter side to <paramref name="shortSide"/>; the longer one is rounded down.</summary>
    public static (int Width, int Height) ShortSide(int width, int height, int shortSide) => width <= height
        ? (shortSide, (int)((long)shortSide * height / width))
        : ((int)((long)shortSide * width / height), shortSide);

    /// <summary>
    /// The central rectangle, offsets rounded half to even. May reach beyond a smaller image (negative offsets: those parts are
    /// black), then with the odd pixel at the right and bottom.
    /// </summary>
    public static PixelBox CenterCrop(int width, int height, int cropWidth, int cropHeight) =>
        new(CenterOffset(width, cropWidth), CenterOffset(height, cropHeight), cropWidth, cropHeight);

    /// <summary>Copies a rectangle that may reach beyond the image; what lies outside becomes black.</summary>
    /// <param name="source">The picture.</param>
    /// <param name="box">The rectangle, in coordinates of the picture.</param>
    /// <param name="destination">Receives the pixels; not <paramref name="source"/>.</param>
    public static void Crop(ImageBuffer source, PixelBox box, ImageBuffer destination)
    {
        destination.Reset(box.Width, box.Height);
        int left = Math.Max(0, box.Left), right = Math.Min(source.Width, box.Left + box.Width);
        bool inside = box.FitsIn(source.Width, source.Height);
        for (int y = 0; y < box.Height; y++)
        {
            Span<byte> row = destination.Row(y);
            int from = box.Top + y;
            if (!inside) row.Clear();
            if (from >= 0 && from < source.Height && right > left)
                source.Row(from)[(left * 3)..(right * 3)].CopyTo(row[((left - box.Left) * 3)..]);
        }
    }

    private static int CenterOffset(int size, int crop) =>
        crop > size ? -((crop - size) / 2) : (int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven);
}
