using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>
/// Crops of a few sizes at a few places, the same for all frames of a clip: width and height are each one of the scales of the shorter side, at most one step apart, at one
/// of 13 places. TSN's rule, arXiv:1608.00859, which the authors' video code uses.
/// </summary>
/// <param name="ImgSize">Side of the result; a crop within 3 pixels of it takes it exactly.</param>
public sealed record MultiScaleCrop(int ImgSize)
{
    /// <summary>1, 0.875, 0.75 and 0.66.</summary>
    public static IReadOnlyList<double> Scales { get; } = [1, 0.875, 0.75, 0.66];

    /// <summary>Draws a crop.</summary>
    /// <param name="width">Frame width in pixels.</param>
    /// <param name="height">Frame height in pixels.</param>
    /// <param name="rng">Two draws: size, then place.</param>
    public PixelBox Sample(int width, int height, Rng rng)
    {
        List<(int Width, int Height)> sizes = Sizes(width, height);
        (int cropWidth, int cropHeight) = sizes[rng.NextInt(sizes.Count)];
        List<(int X, int Y)> places = Places(width - cropWidth, height - cropHeight);
        (int x, int y) = places[rng.NextInt(places.Count)];
        return new PixelBox(x, y, cropWidth, cropHeight);
    }

    /// <summary>All sizes that are drawn from, in order.</summary>
    public List<(int Width, int Height)> Sizes(int width, int height)
    {
        int shorter = Math.Min(width, height);
        int[] sides = [.. Scales.Select(scale => (int)(shorter * scale)).Select(side => Math.Abs(side - ImgSize) < 3 ? Math.Min(ImgSize, shorter) : side)];
        List<(int, int)> sizes = [];
        for (int h = 0; h < sides.Length; h++)
        {
            for (int w = 0; w < sides.Length; w++)
            {
                if (Math.Abs(h - w) <= 1) sizes.Add((Math.Max(1, sides[w]), Math.Max(1, sides[h])));
            }
        }

        return sizes;
    }

    /// <summary>The 13 places of a crop's corner, for the room that it leaves: the corners and the centre, the middles of the sides, and the quarters.</summary>
    public static List<(int X, int Y)> Places(int freeX, int freeY)
    {
        int x = freeX / 4, y = freeY / 4;
        return
        [
            (0, 0), (4 * x, 0), (0, 4 * y), (4 * x, 4 * y), (2 * x, 2 * y),
            (0, 2 * y), (4 * x, 2 * y), (2 * x, 4 * y), (2 * x, 0),
            (x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y),
        ];
    }
}
