using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms;

/// <summary>
/// Crops of a few sizes at a few places, the same for all frames of a clip: width and height are each one of the scales of the shorter
/// side, at most one step apart, at one
/// of 13 places. TSN's rule, arXiv:1608.00859, which the authors' video code uses.
/// </summary>
/// <param name="ImgSize">Side of the result; a crop within 3 pixels of it takes it exactly.</param>
public sealed record MultiScaleCrop(int ImgSize)
{
    /// <summary>1, 0.875, 0.75 and 0.66.</summary>
    public static IReadOnlyList<double> Scales { get; } = [1, 0.875, 0.75, 0.66];

    /// <summary>Pairs of positions in <see cref="Scales"/> for height and width, at most one apart.</summary>
    private static readonly (int Height, int Width)[] Pairs =
        [.. Enumerable.Range(0, Scales.Count)
            .SelectMany(h => Enumerable.Range(0, Scales.Count).Where(w => Math.Abs(h - w) <= 1).Select(w => (h, w)))];

    /// <summary>Quarters of the room along x and y: the corners and the centre, the middles of the sides, and the quarters.</summary>
    private static readonly (int X, int Y)[] Quarters = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1),
        (3, 1), (1, 3), (3, 3)];

    /// <summary>Number of sizes that are drawn from.</summary>
    public static int SizeCount => Pairs.Length;

    /// <summary>Number of places that are drawn from.</summary>
    public static int PlaceCount => Quarters.Length;

    /// <summary>Draws a crop.</summary>
    /// <param name="width">Frame width in pixels.</param>
    /// <param name="height">Frame height in pixels.</param>
    /// <param name="rng">Two draws: size, then place.</param>
    public PixelBox Sample(int width, int height, Rng rng)
    {
        (int cropWidth, int cropHeight) = Size(rng.NextInt(SizeCount), width, height);
        (int x, int y) = Place(rng.NextInt(PlaceCount), width - cropWidth, height - cropHeight);
        return new PixelBox(x, y, cropWidth, cropHeight);
    }

    /// <summary>One of the sizes that are drawn from.</summary>
    /// <param name="number">In [0, <see cref="SizeCount"/>): heights from the largest, and for each its widths from the largest.</param>
    /// <param name="width">Frame width in pixels.</param>
    /// <param name="height">Frame height in pixels.</param>
    public (int Width, int Height) Size(int number, int width, int height)
    {
        int shorter = Math.Min(width, height);
        return (Side(Pairs[number].Width), Side(Pairs[number].Height));

        int Side(int scale)
        {
            int side = (int)(shorter * Scales[scale]);
            return Math.Max(1, Math.Abs(side - ImgSize) < 3 ? Math.Min(ImgSize, shorter) : side);
        }
    }

    /// <summary>One of the places of a crop's corner, for the room that it leaves.</summary>
    /// <param name="number">In [0, <see cref="PlaceCount"/>): corners, centre, middles of the sides, quarters.</param>
    /// <param name="freeX">Room along x, in pixels.</param>
    /// <param name="freeY">Room along y, in pixels.</param>
    public static (int X, int Y) Place(int number, int freeX, int freeY) =>
        (Quarters[number].X * (freeX / 4), Quarters[number].Y * (freeY / 4));
}
