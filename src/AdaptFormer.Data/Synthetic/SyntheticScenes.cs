using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Synthetic;

/// <summary>
/// A multi-label task drawn by this program: pictures with none to three different shapes out of eight, some of which are eight times as
/// frequent as others. The labels of a picture are its shapes.
/// </summary>
public sealed class SyntheticScenes : ImageDataset
{
    private static readonly ShapeStyle Style =
        new(Rotation: 0.6f, MinContrast: 0.3f, Noise: 0.05f, Clouds: 0.08f, Clutter: 2, HueSpread: 1);

    private static readonly (string Name, ShapeKind Kind, double Weight)[] Classes =
    [
        ("heart", ShapeKind.Heart, 8), ("star", ShapeKind.Star, 8), ("arrow", ShapeKind.Arrow, 4), ("triangle", ShapeKind.Triangle, 4),
        ("flower", ShapeKind.Flower, 2), ("crescent", ShapeKind.Crescent, 2), ("cross", ShapeKind.Cross, 1),
        ("half disc", ShapeKind.HalfDisc, 1),
    ];

    private static readonly string[] Names = [.. Classes.Select(c => c.Name)];
    private readonly int[][] _labels;
    private readonly Rng _root;

    /// <summary>The task's pictures.</summary>
    /// <param name="count">Number of pictures, at least 1.</param>
    /// <param name="seed">Seed; use different ones for training and test.</param>
    /// <param name="side">Side of a picture, in [16, 512] pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public SyntheticScenes(int count, long seed, int side = 32)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(side, 512);
        (Side, _root) = (side, new Rng(seed));
        Name = $"synthetic multi-label task, {count} pictures, seed {seed}";
        _labels = [.. Enumerable.Range(0, count).Select(i => Draw(_root.Derive(i, 0)))];
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <summary>Side of every picture, in pixels.</summary>
    public int Side { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Names;

    /// <inheritdoc/>
    public override bool MultiLabel => true;

    /// <inheritdoc/>
    public override IReadOnlyList<int> Labels(int index) => _labels[index];

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index] is [int first, ..] ? first : -1;

    /// <inheritdoc/>
    public override string Source(int index) => $"{Name}, picture {index}";

    /// <inheritdoc/>
    public override void Load(int index, ImageBuffer into)
    {
        ShapeKind[] kinds = [.. _labels[index].Select(label => Classes[label].Kind)];
        Span<ShapePart> parts = stackalloc ShapePart[ShapeScene.MaxParts];
        Span<ShapeLine> lines = stackalloc ShapeLine[ShapeScene.MaxLines];
        Span<float> clouds = stackalloc float[ShapeScene.CloudCells * ShapeScene.CloudCells];
        ShapeScene scene = new(new ShapeClass("", ShapeKind.Circle, Copies: kinds.Length), Style, Side, _root.Derive(index, 1), parts,
            lines, clouds, kinds);
        into.Reset(Side, Side);
        ShapePainter.Paint(scene, into);
    }

    /// <summary>None to three classes, without replacement, by their weights.</summary>
    private static int[] Draw(Rng rng)
    {
        int count = rng.NextDouble() switch { < 0.05 => 0, < 0.35 => 1, < 0.7 => 2, _ => 3 };
        SortedSet<int> drawn = [];
        while (drawn.Count < count)
        {
            double left = rng.NextDouble() * Classes.Where((_, k) => !drawn.Contains(k)).Sum(c => c.Weight);
            int k = 0;
            while (drawn.Contains(k) || (left -= Classes[k].Weight) >= 0) k++;
            drawn.Add(k);
        }

        return [.. drawn];
    }
}
