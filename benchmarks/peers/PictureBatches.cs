using System.Diagnostics;
using SkiaSharp;

namespace AdaptFormer.Peers;

/// <summary>Pictures of a folder of classes, decoded and resized by SkiaSharp one batch ahead of who reads them, on another
/// thread.</summary>
internal sealed class PictureBatches
{
    private const int Side = 224;
    private static readonly float[] Mean = [0.485f, 0.456f, 0.406f], Deviation = [0.229f, 0.224f, 0.225f];
    private readonly (string Path, int Label)[] _pictures;
    private readonly int _batch;

    /// <summary>Finds the pictures.</summary>
    /// <param name="folder">A folder for each class.</param>
    /// <param name="batch">Pictures at once.</param>
    public PictureBatches(string folder, int batch)
    {
        string[] classes = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)];
        _pictures = [.. classes.SelectMany((path, label) => Directory.GetFiles(path).Order(StringComparer.Ordinal)
            .Select(file => (file, label)))];
        (_batch, Classes) = (batch, classes.Length);
    }

    /// <summary>Number of pictures.</summary>
    public int Count => _pictures.Length;

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>How long the reader waited in the last pass.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>One pass. With <paramref name="order"/> the pictures are shuffled and mirrored at random, and an incomplete batch is left
    /// out, as in training.</summary>
    public IEnumerable<(float[] Pixels, long[] Labels)> Ahead(Random? order)
    {
        Waited = default;
        (string Path, int Label)[] pictures = [.. _pictures];
        order?.Shuffle(pictures);
        (string Path, int Label)[][] batches = [.. pictures.Chunk(_batch).Where(some => order is null || some.Length == _batch)];
        Task<float[]> next = Decode(0);
        for (int i = 0; i < batches.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            float[] pixels = next.Result;
            Waited += Stopwatch.GetElapsedTime(start);
            if (i + 1 < batches.Length) next = Decode(i + 1);
            yield return (pixels, [.. batches[i].Select(picture => (long)picture.Label)]);
        }

        Task<float[]> Decode(int i)
        {
            bool[] mirrored = [.. batches[i].Select(_ => order?.Next(2) == 1)];
            return Task.Run(() =>
            {
                float[] pixels = new float[batches[i].Length * 3 * Side * Side];
                for (int j = 0; j < batches[i].Length; j++) Read(batches[i][j].Path, mirrored[j], pixels.AsSpan(j * 3 * Side * Side));
                return pixels;
            });
        }
    }

    private static void Read(string path, bool mirrored, Span<float> to)
    {
        using SKBitmap decoded = SKBitmap.Decode(path);
        using SKBitmap sized = decoded.Resize(
            new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque), new SKSamplingOptions(SKCubicResampler.CatmullRom));
        ReadOnlySpan<byte> bytes = sized.GetPixelSpan();
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                int from = 4 * ((y * Side) + (mirrored ? Side - 1 - x : x));
                for (int c = 0; c < 3; c++)
                    to[(c * Side * Side) + (y * Side) + x] = ((bytes[from + c] / 255f) - Mean[c]) / Deviation[c];
            }
        }
    }
}
