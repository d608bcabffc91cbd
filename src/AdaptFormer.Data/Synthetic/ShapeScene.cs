using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Synthetic;

/// <summary>Patterns that fill a shape.</summary>
internal enum ShapeFill
{
    Solid,
    Striped,
    Checkered,
    Dotted,
}

/// <summary>What a class shows: a shape with its filling (null: any), another shape inside it, or several copies.</summary>
internal sealed record ShapeClass(string Name, ShapeKind Shape, ShapeFill? Fill = null, ShapeKind? Inner = null, int Copies = 1);

/// <summary>How pictures of a task vary besides their class.</summary>
/// <param name="Rotation">Largest rotation to either side, radians.</param>
/// <param name="MinContrast">Smallest difference in brightness between shape and background, in [0, 1).</param>
/// <param name="Noise">Largest deviation of a channel by noise, in [0, 1].</param>
/// <param name="Clouds">Largest change of brightness by soft spots in the background.</param>
/// <param name="Clutter">Largest number of stray lines.</param>
/// <param name="HueSpread">Largest distance of the two hues, as part of the colour circle; 1: any.</param>
internal sealed record ShapeStyle(float Rotation, float MinContrast, float Noise, float Clouds, int Clutter, float HueSpread);

/// <summary>A colour with channels in [0, 1].</summary>
internal readonly record struct ShapeColor(float R, float G, float B)
{
    public float Luma => (0.3f * R) + (0.59f * G) + (0.11f * B);

    public static ShapeColor Mix(ShapeColor a, ShapeColor b, float t) =>
        new(a.R + ((b.R - a.R) * t), a.G + ((b.G - a.G) * t), a.B + ((b.B - a.B) * t));

    public static ShapeColor FromHsv(float hue, float saturation, float value)
    {
        return new ShapeColor(Channel(5), Channel(3), Channel(1));

        float Channel(int n)
        {
            float k = (n + (hue * 6)) % 6;
            return value - (value * saturation * MathF.Max(0, MathF.Min(MathF.Min(k, 4 - k), 1)));
        }
    }
}

/// <summary>One shape at its place.</summary>
internal readonly record struct ShapePart(
    ShapeKind Kind, ShapeFill Fill, float X, float Y, float Radius, float Angle, float Period, ShapeColor Color, ShapeColor Second);

/// <summary>Everything that is random about one picture, drawn from its own stream; the painter only draws it.</summary>
internal ref struct ShapeScene
{
    public const int MaxParts = 3, MaxLines = 8, CloudCells = 5;

    /// <summary>Draws the scene of a picture.</summary>
    /// <param name="what">Its class.</param>
    /// <param name="style">How pictures vary.</param>
    /// <param name="side">Side of the picture in pixels.</param>
    /// <param name="rng">The picture's own stream.</param>
    /// <param name="parts">Room for <see cref="MaxParts"/> shapes.</param>
    /// <param name="lines">Room for <see cref="MaxLines"/> stray lines.</param>
    /// <param name="clouds">Room for <see cref="CloudCells"/>² brightness changes.</param>
    /// <param name="kinds">The shape of each copy, where they differ; else none.</param>
    public ShapeScene(ShapeClass what, ShapeStyle style, int side, Rng rng, Span<ShapePart> parts, Span<ShapeLine> lines,
        Span<float> clouds, ReadOnlySpan<ShapeKind> kinds = default)
    {
        float hue = rng.NextSingle();
        Background = Random(rng, hue);
        ShapeColor color = Contrasting(rng, Background, hue, style), second = ShapeColor.Mix(color, Background, Uniform(rng, 0.55f, 0.85f));
        Gradient = Random(rng, hue);
        (GradientX, GradientY) = (Uniform(rng, -0.35f, 0.35f) / side, Uniform(rng, -0.35f, 0.35f) / side);

        ShapeFill fill = what.Inner is null ? what.Fill ?? (ShapeFill)rng.NextInt(4) : ShapeFill.Solid;
        float angle = Uniform(rng, -style.Rotation, style.Rotation), turn = Uniform(rng, 0, 2 * MathF.PI);
        float size = what.Copies switch
        {
            1 => Uniform(rng, 0.28f, 0.41f),
            2 => Uniform(rng, 0.19f, 0.23f),
            _ =>
            Uniform(rng, 0.16f, 0.195f)
        } * side;
        float slack = what.Copies == 1 ? 0.47f - (size / side) : 0.05f, spread = what.Copies == 2 ? 0.235f : 0.26f;
        float x = side * (0.5f + Uniform(rng, -slack, slack)), y = side * (0.5f + Uniform(rng, -slack, slack));
        float period = size * Uniform(rng, 0.5f, 0.7f);
        int count = 0;
        for (int copy = 0; copy < what.Copies; copy++)
        {
            float away = what.Copies == 1 ? 0 : spread * side, direction = turn + (copy * 2 * MathF.PI / what.Copies);
            parts[count++] = new ShapePart(
                kinds.IsEmpty ? what.Shape : kinds[copy], fill, x + (away * MathF.Cos(direction)), y
                    + (away * MathF.Sin(direction)), size, angle, period, color, second);
        }

        if (what.Inner is { } inner)
        {
            ShapeColor inside = Contrasting(rng, color, hue, style);
            parts[count++] = new ShapePart(
                inner, ShapeFill.Solid, x, y, size * Uniform(rng, 0.42f, 0.52f), Uniform(rng, -style.Rotation, style.Rotation), period,
                    inside, inside);
        }

        Parts = parts[..count];
        Lines = lines[..rng.NextInt(style.Clutter + 1)];
        foreach (ref ShapeLine line in Lines)
        {
            float lx = rng.NextSingle() * side, ly = rng.NextSingle() * side, direction = Uniform(rng, 0, 2 * MathF.PI),
                length = Uniform(rng, 0.15f, 0.5f) * side;
            line = new ShapeLine(
                lx, ly, MathF.Cos(direction), MathF.Sin(direction), length, Uniform(rng, 0.5f, 1.1f), Random(rng, rng.NextSingle()));
        }

        foreach (ref float cloud in clouds) cloud = Uniform(rng, -style.Clouds, style.Clouds);
        Clouds = clouds;
        NoiseKey = rng.NextUInt64();
        Noise = style.Noise;
    }

    public ShapeColor Background { get; }

    /// <summary>Colour that the background turns to along (<see cref="GradientX"/>, <see cref="GradientY"/>) per pixel from the
    /// centre.</summary>
    public ShapeColor Gradient { get; }

    public float GradientX { get; }

    public float GradientY { get; }

    public ReadOnlySpan<ShapePart> Parts { get; }

    public Span<ShapeLine> Lines { get; }

    public ReadOnlySpan<float> Clouds { get; }

    public ulong NoiseKey { get; }

    public float Noise { get; }

    private static float Uniform(Rng rng, float low, float high) => low + ((high - low) * rng.NextSingle());

    private static ShapeColor Random(Rng rng, float hue) => ShapeColor.FromHsv(hue, Uniform(rng, 0.15f, 0.95f), Uniform(rng, 0.15f, 0.95f));

    /// <summary>A colour that differs enough in brightness; the best of many draws if none does.</summary>
    private static ShapeColor Contrasting(Rng rng, ShapeColor from, float hue, ShapeStyle style)
    {
        ShapeColor best = from;
        for (int i = 0; i < 24 && MathF.Abs(best.Luma - from.Luma) < style.MinContrast; i++)
        {
            ShapeColor draw = Random(rng, (hue + Uniform(rng, 0, style.HueSpread)) % 1);
            if (MathF.Abs(draw.Luma - from.Luma) > MathF.Abs(best.Luma - from.Luma)) best = draw;
        }

        return best;
    }
}

/// <summary>A stray stroke: start, unit direction, length and half width in pixels.</summary>
internal readonly record struct ShapeLine(float X, float Y, float DirX, float DirY, float Length, float HalfWidth, ShapeColor Color);
