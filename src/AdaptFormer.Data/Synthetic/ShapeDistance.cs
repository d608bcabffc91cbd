namespace AdaptFormer.Data.Synthetic;

/// <summary>Outlines of the synthetic pictures.</summary>
internal enum ShapeKind
{
    Circle,
    Square,
    Triangle,
    Star,
    Cross,
    Ring,
    Heart,
    Crescent,
    Arrow,
    Flower,
    Hexagon,
    HalfDisc,
}

/// <summary>
/// Signed distance to the outline of a shape of about unit radius: negative inside, positive outside. Exact near the edges,
/// which is all that anti-aliasing needs.
/// </summary>
internal static class ShapeDistance
{
    public static float Of(ShapeKind kind, float x, float y) => kind switch
    {
        ShapeKind.Circle => Length(x, y) - 0.92f,
        ShapeKind.Square => Box(x, y, 0.8f, 0.8f),
        ShapeKind.Triangle => Polygon(y, x, 3, 1.05f),
        ShapeKind.Star => Star(x, y),
        ShapeKind.Cross => MathF.Min(Box(x, y, 0.95f, 0.3f), Box(x, y, 0.3f, 0.95f)),
        ShapeKind.Ring => MathF.Abs(Length(x, y) - 0.7f) - 0.22f,
        ShapeKind.Heart => Heart(MathF.Abs(x), y),
        ShapeKind.Crescent => MathF.Max(Length(x, y) - 0.95f, 0.78f - Length(x - 0.45f, y)),
        ShapeKind.Arrow =>
            MathF.Min(Box(x + 0.4f, y, 0.55f, 0.2f), MathF.Max(0.05f - x, ((x * 0.65f) + (MathF.Abs(y) * 0.9f) - 0.6175f) / 1.11f)),
        ShapeKind.Flower => (Length(x, y) - 0.7f - (0.26f * MathF.Cos(5 * MathF.Atan2(y, x)))) * 0.75f,
        ShapeKind.Hexagon => Polygon(x, y, 6, 0.98f),
        ShapeKind.HalfDisc => MathF.Max(Length(x, y - 0.4f) - 0.98f, y - 0.4f),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a shape."),
    };

    private static float Length(float x, float y) => MathF.Sqrt((x * x) + (y * y));

    private static float Box(float x, float y, float halfWidth, float halfHeight) =>
        MathF.Max(MathF.Abs(x) - halfWidth, MathF.Abs(y) - halfHeight);

    /// <summary>Regular polygon with circumradius <paramref name="radius"/>: all sectors are folded onto the one around the x
    /// axis.</summary>
    private static float Polygon(float x, float y, int corners, float radius)
    {
        float sector = 2 * MathF.PI / corners, angle = MathF.Atan2(y, x);
        angle -= sector * MathF.Round(angle / sector);
        return (Length(x, y) * MathF.Cos(angle)) - (radius * MathF.Cos(sector / 2));
    }

    /// <summary>Five points: the folded half sector has one edge, from the tip to the inner corner.</summary>
    private static float Star(float x, float y)
    {
        const float Tip = 1.05f, Inner = 0.46f, Sector = 2 * MathF.PI / 5;
        float angle = MathF.Atan2(x, -y);
        angle = MathF.Abs(angle - (Sector * MathF.Round(angle / Sector)));
        float r = Length(x, y), px = r * MathF.Cos(angle), py = r * MathF.Sin(angle);
        (float cornerX, float cornerY) = (Inner * MathF.Cos(Sector / 2), Inner * MathF.Sin(Sector / 2));
        (float edgeX, float edgeY) = (cornerX - Tip, cornerY);
        return (((px - Tip) * edgeY) - (py * edgeX)) / Length(edgeX, edgeY);
    }

    /// <summary>A square on its corner with a disc on each upper edge; right half only, <paramref name="x"/> is not negative.</summary>
    private static float Heart(float x, float y)
    {
        const float Half = 0.52f, Diagonal = Half * 1.41421356f;
        float square = ((x + MathF.Abs(y - 0.15f)) - Diagonal) * 0.70710678f;
        float disc = Length(x - (Diagonal / 2), y - 0.15f + (Diagonal / 2)) - Half;
        return MathF.Min(square, disc);
    }
}
