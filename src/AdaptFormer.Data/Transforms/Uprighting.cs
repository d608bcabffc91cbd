using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms;

/// <summary>Turns pictures as their files say.</summary>
public static class Uprighting
{
    // Squares of so many pixels, so that a quarter turn does not read a row of memory for each pixel of a column.
    private const int Tile = 32;

    /// <summary>Turns a picture.</summary>
    /// <param name="stored">The picture as it is stored, with its <see cref="ImageBuffer.Orientation"/>.</param>
    /// <param name="upright">Receives it as it is shown; another buffer.</param>
    public static void Turn(ImageBuffer stored, ImageBuffer upright)
    {
        (int right, int bottom, int row) = ((stored.Width - 1) * 3, (stored.Height - 1) * stored.Stride, stored.Stride);

        // Where the upright picture's first pixel is stored, and how far away what lies to the right of a pixel and below it.
        (int start, int across, int down) = stored.Orientation switch
        {
            Orientation.Mirrored => (right, -3, row),
            Orientation.UpsideDown => (bottom + right, -3, -row),
            Orientation.Flipped => (bottom, 3, -row),
            Orientation.Transposed => (0, row, 3),
            Orientation.QuarterRight => (bottom, -row, 3),
            Orientation.Transversed => (bottom + right, -row, -3),
            Orientation.QuarterLeft => (right, row, -3),
            _ => (0, 3, row),
        };
        (int width, int height) = ShownSize(OrientationRule.Apply, stored);
        upright.Reset(width, height);
        ReadOnlySpan<byte> from = stored.Pixels;
        for (int top = 0; top < height; top += Tile)
        {
            for (int left = 0; left < width; left += Tile)
            {
                for (int y = top; y < Math.Min(top + Tile, height); y++)
                {
                    Span<byte> to = upright.Row(y)[(left * 3)..(Math.Min(left + Tile, width) * 3)];
                    for (int i = 0, at = start + (y * down) + (left * across); i < to.Length; i += 3, at += across)
                        (to[i], to[i + 1], to[i + 2]) = (from[at], from[at + 1], from[at + 2]);
                }
            }
        }
    }

    /// <summary>The picture under a rule: itself, or turned into <paramref name="room"/>.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="stored">The picture as it is stored.</param>
    /// <param name="room">Another buffer, used where there is something to turn.</param>
    public static ImageBuffer Shown(OrientationRule rule, ImageBuffer stored, ImageBuffer room)
    {
        if (rule == OrientationRule.Ignore || stored.Orientation == Orientation.Normal) return stored;
        Turn(stored, room);
        return room;
    }

    /// <summary>Size of the picture under a rule.</summary>
    internal static (int Width, int Height) ShownSize(OrientationRule rule, ImageBuffer stored) =>
        rule == OrientationRule.Apply && stored.Orientation >= Orientation.Transposed
            ? (stored.Height, stored.Width)
            : (stored.Width, stored.Height);
}
