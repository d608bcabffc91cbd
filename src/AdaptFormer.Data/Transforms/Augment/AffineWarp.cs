using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms.Augment;

/// <summary>
/// Rotates, shears and shifts a picture: output pixel (x, y) shows the input at (a·x + b·y + c, d·x + e·y + f), both at pixel centres,
/// and a fill colour where that lies outside. Filters and rounding are Pillow's, to the last bit.
/// </summary>
public readonly record struct AffineWarp(double A, double B, double C, double D, double E, double F)
{
    /// <summary>A rotation about the centre.</summary>
    /// <param name="degrees">Counter-clockwise.</param>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Number of rows.</param>
    public static AffineWarp Rotation(double degrees, int width, int height)
    {
        double angle = degrees % 360;
        angle = -(angle < 0 ? angle + 360 : angle) * Math.PI / 180;
        double cos = Math.Round(Math.Cos(angle), 15), sin = Math.Round(Math.Sin(angle), 15), x = width / 2.0, y = height / 2.0;
        return new AffineWarp(cos, sin, (cos * -x) + (sin * -y) + x, -sin, cos, (-sin * -x) + (cos * -y) + y);
    }

    /// <summary>A shear along x: rows shift by <paramref name="factor"/> times their height.</summary>
    public static AffineWarp ShearX(double factor) => new(1, factor, 0, 0, 1, 0);

    /// <summary>A shear along y.</summary>
    public static AffineWarp ShearY(double factor) => new(1, 0, 0, factor, 1, 0);

    /// <summary>A shift to the left and up, in pixels.</summary>
    public static AffineWarp Shift(double x, double y) => new(1, 0, x, 0, 1, y);

    /// <summary>Draws the picture anew.</summary>
    /// <param name="from">The picture.</param>
    /// <param name="to">Receives a picture of the same size; another buffer.</param>
    /// <param name="bicubic">Whether to interpolate by cubics; linearly if false.</param>
    /// <param name="fill">Colour of what was outside.</param>
    public unsafe void Apply(ImageBuffer from, ImageBuffer to, bool bicubic, (byte R, byte G, byte B) fill)
    {
        (int width, int height) = (from.Width, from.Height);
        to.Reset(width, height);
        fixed (byte* source = from.Pixels, target = to.Pixels)
        {
            byte* pixel = target;
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++, pixel += 3)
                {
                    double xIn = (A * (x + 0.5)) + (B * (y + 0.5)) + C, yIn = (D * (x + 0.5)) + (E * (y + 0.5)) + F;
                    if (xIn < 0 || xIn >= width || yIn < 0 || yIn >= height) (pixel[0], pixel[1], pixel[2]) = fill;
                    else if (bicubic) Cubic(source, width, height, xIn - 0.5, yIn - 0.5, pixel);
                    else Linear(source, width, height, xIn - 0.5, yIn - 0.5, pixel);
                }
            }
        }
    }

    private static unsafe void Linear(byte* source, int width, int height, double xIn, double yIn, byte* pixel)
    {
        int x = (int)Math.Floor(xIn), y = (int)Math.Floor(yIn);
        double dx = xIn - x, dy = yIn - y;
        int left = 3 * Math.Clamp(x, 0, width - 1), right = 3 * Math.Clamp(x + 1, 0, width - 1);
        byte* upper = source + (3 * width * Math.Clamp(y, 0, height - 1)), lower = y + 1 < height ? source + (3 * width * (y + 1)) : upper;
        for (int c = 0; c < 3; c++)
        {
            double v1 = upper[left + c] + ((upper[right + c] - upper[left + c]) * dx), v2 = lower[left + c]
                + ((lower[right + c] - lower[left + c]) * dx);
            pixel[c] = (byte)(v1 + ((v2 - v1) * dy));
        }
    }

    private static unsafe void Cubic(byte* source, int width, int height, double xIn, double yIn, byte* pixel)
    {
        int x = (int)Math.Floor(xIn), y = (int)Math.Floor(yIn);
        double dx = xIn - x, dy = yIn - y;
        int x0 = 3 * Math.Clamp(x - 1, 0, width - 1), x1 = 3 * Math.Clamp(x, 0, width - 1), x2 = 3 * Math.Clamp(x + 1, 0, width - 1), x3 = 3
            * Math.Clamp(x + 2, 0, width - 1);
        double* rows = stackalloc double[4];
        for (int c = 0; c < 3; c++)
        {
            for (int r = 0; r < 4; r++)
            {
                int at = y - 1 + r;
                if (r > 0 && (at < 0 || at >= height))      // outside, the row before goes on
                {
                    rows[r] = rows[r - 1];
                    continue;
                }

                byte* row = source + (3 * width * Math.Clamp(at, 0, height - 1)) + c;
                rows[r] = Cubic(row[x0], row[x1], row[x2], row[x3], dx);
            }

            double value = Cubic(rows[0], rows[1], rows[2], rows[3], dy);
            pixel[c] = value <= 0 ? (byte)0 : value >= 255 ? (byte)255 : (byte)value;
        }
    }

    private static double Cubic(double v1, double v2, double v3, double v4, double d)
    {
        double p2 = -v1 + v3, p3 = (2 * (v1 - v2)) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
        return v2 + (d * (p2 + (d * (p3 + (d * p4)))));
    }
}
