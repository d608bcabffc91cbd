using System.Runtime.Intrinsics;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Transforms;

/// <summary>
/// Turns bytes [H, W, 3] into floats [3, H, W]: (v/255 - mean)/std per channel, in the order and precision of torchvision's
/// ToTensor and Normalize, so the results are equal to the last bit. Immutable, safe for many threads.
/// </summary>
public sealed unsafe class PixelNormalizer
{
    private readonly float[] _mean, _std, _table = new float[3 * 256];

    /// <summary>A normaliser for the given channel statistics, on the scale where white is 1.</summary>
    /// <param name="mean">Mean of R, G, B.</param>
    /// <param name="std">Standard deviation of R, G, B, positive.</param>
    /// <exception cref="ArgumentException">Not three values each, or a deviation is not positive.</exception>
    public PixelNormalizer(ReadOnlySpan<float> mean, ReadOnlySpan<float> std)
    {
        if (mean.Length != 3 || std.Length != 3)
            throw new ArgumentException(
                $"Normalisation needs three means and three deviations (R, G, B); got {mean.Length} and {std.Length}.");
        foreach (float value in std)
        {
            if (!(value > 0) || !float.IsFinite(value))
                throw new ArgumentException($"Normalisation: a standard deviation must be positive; got {value}.");
        }

        (_mean, _std) = (mean.ToArray(), std.ToArray());
        for (int c = 0; c < 3; c++)
        {
            for (int v = 0; v < 256; v++) _table[(c * 256) + v] = ((v / 255f) - mean[c]) / std[c];
        }
    }

    /// <summary>A normaliser for the given channel statistics.</summary>
    /// <exception cref="ArgumentException">A deviation is not positive.</exception>
    public PixelNormalizer(PixelStatistics statistics)
        : this(statistics.Mean.ToArray(), statistics.Std.ToArray())
    {
    }

    /// <summary>The number that each of the 256 values of R, then G, then B becomes.</summary>
    public ReadOnlySpan<float> Table => _table;

    /// <summary>The colour that normalises to about 0.</summary>
    public (byte R, byte G, byte B) MeanColor => (Byte(_mean[0]), Byte(_mean[1]), Byte(_mean[2]));

    private static byte Byte(float value) => (byte)Math.Clamp(Math.Round(255 * value), 0, 255);

    /// <summary>Converts a picture.</summary>
    /// <param name="image">The picture, H × W.</param>
    /// <param name="flip">Whether to mirror it left to right on the way.</param>
    /// <param name="chw">Receives 3 · H · W values.</param>
    /// <exception cref="ArgumentException"><paramref name="chw"/> has another length.</exception>
    public void ToChw(ImageBuffer image, bool flip, Span<float> chw)
    {
        int width = image.Width, plane = width * image.Height;
        if (chw.Length != 3 * plane)
            throw new ArgumentException(
                $"ToChw: the destination must hold 3·{image.Height}·{width} = {3 * plane} values; it holds {chw.Length}.", nameof(chw));

        fixed (byte* pixels = image.Pixels)
        fixed (float* result = chw)
        {
            for (int y = 0; y < image.Height; y++)
                Row(pixels + (y * image.Stride), width, flip, result + (y * width), plane);
        }
    }

    /// <summary>Sorts a picture's bytes by channel, [3, H, W], and leaves them as they are.</summary>
    /// <param name="image">The picture, H × W.</param>
    /// <param name="flip">Whether to mirror it left to right on the way.</param>
    /// <param name="chw">Receives 3 · H · W values.</param>
    /// <exception cref="ArgumentException"><paramref name="chw"/> has another length.</exception>
    public static void ToChw(ImageBuffer image, bool flip, Span<byte> chw)
    {
        int width = image.Width, plane = width * image.Height;
        if (chw.Length != 3 * plane)
            throw new ArgumentException(
                $"ToChw: the destination must hold 3·{image.Height}·{width} = {3 * plane} values; it holds {chw.Length}.", nameof(chw));
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> row = image.Pixels.Slice(y * image.Stride, 3 * width);
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<byte> pixel = row.Slice(3 * (flip ? width - 1 - x : x), 3);
                for (int c = 0; c < 3; c++) chw[(c * plane) + (y * width) + x] = pixel[c];
            }
        }
    }

    private void Row(byte* row, int width, bool flip, float* result, int plane)
    {
        int x = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; x <= width - 16; x += 16) Sixteen(row + (3 * (flip ? width - 16 - x : x)), flip, result + x, plane);
        }

        fixed (float* table = _table)
        {
            for (; x < width; x++)
            {
                byte* pixel = row + (3 * (flip ? width - 1 - x : x));
                result[x] = table[pixel[0]];
                result[x + plane] = table[256 + pixel[1]];
                result[x + plane + plane] = table[512 + pixel[2]];
            }
        }
    }

    /// <summary>Sixteen pixels: 48 bytes are sorted by channel with byte shuffles (in reverse order for a flip), widened, and
    /// normalised.</summary>
    private void Sixteen(byte* pixels, bool flip, float* result, int plane)
    {
        Vector128<byte> a = Vector128.Load(pixels), b = Vector128.Load(pixels + 16), c = Vector128.Load(pixels + 32);
        for (int channel = 0; channel < 3; channel++)
        {
            // Byte i of the channel is byte 3i + channel of the 48; an index outside a vector's 16 gives 0.
            Vector128<byte> index = (Vector128<byte>.Indices * 3) + Vector128.Create((byte)channel);
            if (flip) index = Vector128.Create((byte)(45 + (2 * channel))) - index;
            Vector128<byte> bytes =
                Vector128.Shuffle(a, index) | Vector128.Shuffle(b, index - Vector128.Create((byte)16)) | Vector128.Shuffle(
                    c, index - Vector128.Create((byte)32));
            Vector512<float> value =
                Vector512.ConvertToSingle(
                    Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe()).AsInt32());
            value = ((value / Vector512.Create(255f)) - Vector512.Create(_mean[channel])) / Vector512.Create(_std[channel]);
            value.Store(result + (channel * plane));
        }
    }
}
