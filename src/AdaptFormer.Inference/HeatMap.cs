using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>Maps over patches, drawn over the pixels that the model saw; of a clip, a few frames side by side.</summary>
public sealed class HeatMap : IDisposable
{
    private const int MostFrames = 4;

    // From what is not read to what is read most: dark blue, violet, red, orange, pale yellow. Lightness grows all the way, so the map
    // also reads without colours.
    private static readonly (float R, float G, float B)[] Colours = [(16, 22, 72), (92, 40, 140), (190, 54, 104), (244, 138, 62),
        (253, 236, 150)];

    private readonly TokenGrid _grid;
    private readonly int[] _frames;
    private readonly ImageBuffer _pixels = new();

    /// <summary>Draws the pixels of one input.</summary>
    /// <param name="input">[3, H, W] or [3, T, H, W], normalised.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="pictures">How it was normalised.</param>
    /// <param name="grid">How the patches lie.</param>
    /// <param name="side">Height of the drawing in pixels.</param>
    public HeatMap(ReadOnlySpan<float> input, Shape shape, Preprocessing pictures, TokenGrid grid, int side)
    {
        (int h, int w, int t) = (shape[^2], shape[^1], shape.Rank == 4 ? shape[1] : 1);
        int shown = Math.Min(MostFrames, grid.T);
        _grid = grid;
        _frames = [.. Enumerable.Range(0, shown).Select(k => ((2 * k) + 1) * grid.T / (2 * shown))];
        int width = Math.Max(1, side * w / h);
        _pixels.Reset(width * shown, side);
        float[] mean = pictures.Mean.ToArray(), std = pictures.Std.ToArray();
        using ImageBuffer frame = new(w, h), small = new();
        using ImageResizer resizer = new();
        for (int k = 0; k < shown; k++)
        {
            int from = Math.Min(t - 1, _frames[k] * t / grid.T);
            for (int c = 0; c < 3; c++)
            {
                ReadOnlySpan<float> plane = input.Slice(((c * t) + from) * h * w, h * w);
                for (int p = 0; p < plane.Length; p++)
                    frame.Pixels[(3 * p) + c] = (byte)Math.Clamp(MathF.Round(255 * ((plane[p] * std[c]) + mean[c])), 0, 255);
            }

            resizer.Resize(frame, new PixelBox(0, 0, w, h), width, side, Interpolation.Bilinear, small);
            for (int y = 0; y < side; y++) small.Row(y).CopyTo(_pixels.Row(y)[(3 * k * width)..]);
        }
    }

    /// <summary>The pixels alone, as a data address.</summary>
    public string Picture() => DataAddress.Png(_pixels);

    /// <summary>The pixels under a map, as a data address; colours span the map's own least and largest share.</summary>
    /// <param name="map">A share for each patch.</param>
    public string Over(float[] map)
    {
        using ImageBuffer drawn = new(_pixels.Width, _pixels.Height);
        int width = _pixels.Width / _frames.Length;
        float least = map.Min(), span = map.Max() - least;
        for (int y = 0; y < drawn.Height; y++)
        {
            ReadOnlySpan<byte> from = _pixels.Row(y);
            Span<byte> to = drawn.Row(y);
            for (int x = 0; x < drawn.Width; x++)
            {
                (int k, int column) = Math.DivRem(x, width);
                float value = span > 0 ? (At(map, _frames[k], (y + 0.5f) / drawn.Height, (column + 0.5f) / width) - least) / span : 0;
                (float r, float g, float b) = Colour(value);
                float weight = 0.4f + (0.35f * value);
                to[3 * x] = Mix(from[3 * x], r, weight);
                to[(3 * x) + 1] = Mix(from[(3 * x) + 1], g, weight);
                to[(3 * x) + 2] = Mix(from[(3 * x) + 2], b, weight);
            }
        }

        return DataAddress.Png(drawn);
    }

    /// <inheritdoc/>
    public void Dispose() => _pixels.Dispose();

    /// <summary>The map between patch centres, linear; y and x in [0, 1].</summary>
    private float At(float[] map, int frame, float y, float x)
    {
        (int y0, int y1, float fy) = Between(y, _grid.H);
        (int x0, int x1, float fx) = Between(x, _grid.W);
        ReadOnlySpan<float> plane = map.AsSpan(frame * _grid.H * _grid.W, _grid.H * _grid.W);
        float top = plane[(y0 * _grid.W) + x0] + (fx * (plane[(y0 * _grid.W) + x1] - plane[(y0 * _grid.W) + x0]));
        float bottom = plane[(y1 * _grid.W) + x0] + (fx * (plane[(y1 * _grid.W) + x1] - plane[(y1 * _grid.W) + x0]));
        return top + (fy * (bottom - top));
    }

    private static (int Below, int Above, float Fraction) Between(float at, int cells)
    {
        float place = Math.Clamp((at * cells) - 0.5f, 0, cells - 1);
        int below = (int)place;
        return (below, Math.Min(cells - 1, below + 1), place - below);
    }

    private static (float R, float G, float B) Colour(float value)
    {
        (int below, int above, float f) = Between(((value * (Colours.Length - 1)) + 0.5f) / Colours.Length, Colours.Length);
        ((float r, float g, float b), (float r1, float g1, float b1)) = (Colours[below], Colours[above]);
        return (r + (f * (r1 - r)), g + (f * (g1 - g)), b + (f * (b1 - b)));
    }

    private static byte Mix(byte pixel, float colour, float weight) =>
        (byte)Math.Clamp((pixel * (1 - weight)) + (colour * weight) + 0.5f, 0, 255);
}
