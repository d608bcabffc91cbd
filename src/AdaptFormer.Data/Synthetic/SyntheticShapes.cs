using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Synthetic;

/// <summary>
/// Small pictures drawn by this program, for demonstrations and tests: no download, no licence, the same everywhere for a seed.
/// Two tasks with no class in common: one to pre-train a backbone on, and a harder one to adapt it to.
/// </summary>
public sealed class SyntheticShapes : ImageDataset
{
    private static readonly ShapeStyle Plain =
        new(Rotation: 0.6f, MinContrast: 0.3f, Noise: 0.04f, Clouds: 0.06f, Clutter: 2, HueSpread: 1);
    private static readonly ShapeStyle Harsh =
        new(Rotation: 1.2f, MinContrast: 0.22f, Noise: 0.12f, Clouds: 0.16f, Clutter: 5, HueSpread: 0.25f);

    private static readonly ShapeClass[] PretrainingClasses =
    [
        .. from shape in new[] { ShapeKind.Circle, ShapeKind.Square, ShapeKind.Triangle, ShapeKind.Star, ShapeKind.Cross, ShapeKind.Ring }
           from fill in Enum.GetValues<ShapeFill>()
           select new ShapeClass($"{fill} {shape}".ToLowerInvariant(), shape, fill),
    ];

    private static readonly ShapeClass[] DownstreamClasses =
    [
        new("heart", ShapeKind.Heart),
        new("crescent", ShapeKind.Crescent),
        new("arrow", ShapeKind.Arrow),
        new("flower", ShapeKind.Flower),
        new("hexagon", ShapeKind.Hexagon),
        new("half disc", ShapeKind.HalfDisc),
        new("circle in a square", ShapeKind.Square, Inner: ShapeKind.Circle),
        new("square in a circle", ShapeKind.Circle, Inner: ShapeKind.Square),
        new("two triangles", ShapeKind.Triangle, Copies: 2),
        new("three triangles", ShapeKind.Triangle, Copies: 3),
    ];

    private readonly ShapeClass[] _classes;
    private readonly string[] _names;
    private readonly ShapeStyle _style;
    private readonly Rng _root;

    private SyntheticShapes(string task, ShapeClass[] classes, ShapeStyle style, int count, long seed, int side)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(side, 512);
        (_classes, _style, Count, Side, _root) = (classes, style, count, side, new Rng(seed));
        _names = [.. classes.Select(c => c.Name)];
        Name = $"synthetic {task} task, {count} pictures, seed {seed}";
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <summary>Side of every picture, in pixels.</summary>
    public int Side { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _names;

    /// <summary>24 classes: six plain shapes with four fillings each, on calm backgrounds.</summary>
    /// <param name="count">Number of pictures, evenly over the classes.</param>
    /// <param name="seed">Seed; use different ones for training and test.</param>
    /// <param name="side">Side of a picture, in [16, 512] pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive, or the side is out of range.</exception>
    public static SyntheticShapes Pretraining(int count, long seed, int side = 32) =>
        new("pre-training", PretrainingClasses, Plain, count, seed, side);

    /// <summary>
    /// 10 classes of other shapes and of arrangements (one in another, two, three), any filling, with less contrast and more
    /// rotation, noise and clutter.
    /// </summary>
    /// <inheritdoc cref="Pretraining"/>
    public static SyntheticShapes Downstream(int count, long seed, int side = 32) =>
        new("downstream", DownstreamClasses, Harsh, count, seed, side);

    /// <inheritdoc/>
    public override int Label(int index) => Checked(index) % _classes.Length;

    /// <inheritdoc/>
    public override string Source(int index) => $"{Name}, picture {index}";

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        ShapeClass what = _classes[Label(index)];
        Span<ShapePart> parts = stackalloc ShapePart[ShapeScene.MaxParts];
        Span<ShapeLine> lines = stackalloc ShapeLine[ShapeScene.MaxLines];
        Span<float> clouds = stackalloc float[ShapeScene.CloudCells * ShapeScene.CloudCells];
        ShapeScene scene = new(what, _style, Side, _root.Derive(index), parts, lines, clouds);
        into.Reset(Side, Side);
        ShapePainter.Paint(scene, into);
    }

    private int Checked(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index;
    }
}
