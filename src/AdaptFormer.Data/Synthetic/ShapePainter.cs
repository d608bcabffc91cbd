using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Synthetic;

/// <summary>Draws a scene: background, stray lines, then the shapes, each edge blended over one pixel by its distance.</summary>
internal static class ShapePainter
{
    public static void Paint(in ShapeScene scene, ImageBuffer image)
    {
        int side = image.Width;
        for (int y = 0; y < side; y++)
        {
            Span<byte> row = image.Row(y);
            for (int x = 0; x < side; x++)
            {
                (float px, float py) = (x + 0.5f, y + 0.5f);
                ShapeColor color = Background(scene, px, py, side);
                foreach (ref readonly ShapeLine line in scene.Lines)
                    color = ShapeColor.Mix(color, line.Color, Coverage(Distance(line, px, py)));
                foreach (ref readonly ShapePart part in scene.Parts) color = Shape(part, px, py, color);

                // One random number has 16 bits for each channel.
                ulong noise = Rng.At(scene.NoiseKey, (ulong)((y * side) + x));
                row[x * 3] = Quantize(color.R, noise, scene.Noise);
                row[(x * 3) + 1] = Quantize(color.G, noise >> 16, scene.Noise);
                row[(x * 3) + 2] = Quantize(color.B, noise >> 32, scene.Noise);
            }
        }
    }

    private static ShapeColor Background(in ShapeScene scene, float x, float y, int side)
    {
        float t = Math.Clamp(0.25f + ((x - (side / 2f)) * scene.GradientX) + ((y - (side / 2f)) * scene.GradientY), 0, 1);
        ShapeColor color = ShapeColor.Mix(scene.Background, scene.Gradient, t);

        // Soft spots: a coarse grid of brightness changes, interpolated.
        const int Cells = ShapeScene.CloudCells;
        float gx = x / side * (Cells - 1), gy = y / side * (Cells - 1);
        int cx = Math.Min((int)gx, Cells - 2), cy = Math.Min((int)gy, Cells - 2), at = (cy * Cells) + cx;
        (gx, gy) = (gx - cx, gy - cy);
        ReadOnlySpan<float> clouds = scene.Clouds;
        float top = clouds[at] + ((clouds[at + 1] - clouds[at]) * gx), bottom = clouds[at + Cells]
            + ((clouds[at + Cells + 1] - clouds[at + Cells]) * gx);
        float cloud = top + ((bottom - top) * gy);
        return new ShapeColor(color.R + cloud, color.G + cloud, color.B + cloud);
    }

    private static ShapeColor Shape(in ShapePart part, float px, float py, ShapeColor under)
    {
        float dx = px - part.X, dy = py - part.Y, reach = part.Radius * 1.2f;
        if ((dx * dx) + (dy * dy) > (reach + 2) * (reach + 2)) return under;
        (float sin, float cos) = MathF.SinCos(part.Angle);
        float u = (dx * cos) + (dy * sin), v = (dy * cos) - (dx * sin);
        float coverage = Coverage(ShapeDistance.Of(part.Kind, u / part.Radius, v / part.Radius) * part.Radius);
        return coverage == 0
            ? under
            : ShapeColor.Mix(under, ShapeColor.Mix(part.Color, part.Second, Pattern(part.Fill, u, v, part.Period)), coverage);
    }

    /// <summary>Part of the second colour at a point of the shape, in [0, 1].</summary>
    private static float Pattern(ShapeFill fill, float u, float v, float period) => fill switch
    {
        ShapeFill.Solid => 0,
        ShapeFill.Striped => Coverage(Wave(u, period)),
        ShapeFill.Checkered => Checker(Coverage(Wave(u, period)), Coverage(Wave(v, period))),
        _ => Coverage(Dots(u, v, period)),
    };

    /// <summary>Distance to the nearest stripe edge: a triangle wave, negative on every other stripe.</summary>
    private static float Wave(float x, float period)
    {
        float phase = (x / period) - MathF.Floor(x / period);
        return (MathF.Abs(phase - 0.5f) - 0.25f) * period;
    }

    private static float Checker(float a, float b) => (a * (1 - b)) + (b * (1 - a));

    /// <summary>Distance to the nearest disc of a square grid.</summary>
    private static float Dots(float u, float v, float period)
    {
        (u, v) = (u - (MathF.Round(u / period) * period), v - (MathF.Round(v / period) * period));
        return MathF.Sqrt((u * u) + (v * v)) - (period * 0.3f);
    }

    private static float Distance(in ShapeLine line, float x, float y)
    {
        float dx = x - line.X, dy = y - line.Y, along = Math.Clamp((dx * line.DirX) + (dy * line.DirY), 0, line.Length);
        (dx, dy) = (dx - (along * line.DirX), dy - (along * line.DirY));
        return MathF.Sqrt((dx * dx) + (dy * dy)) - line.HalfWidth;
    }

    private static float Coverage(float distance) => Math.Clamp(0.5f - distance, 0, 1);

    private static byte Quantize(float value, ulong noise, float amplitude) =>
        (byte)Math.Clamp((int)((value + (((noise & 0xFFFF) * (2f / 65535)) - 1) * amplitude) * 255 + 0.5f), 0, 255);
}
