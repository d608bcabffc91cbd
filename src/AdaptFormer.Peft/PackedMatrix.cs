namespace AdaptFormer.Peft;

/// <summary>
/// Numbers in a few bits each: a number is a level, chosen by its code, times the scale of its block. Levels (2^bits for all numbers) and
/// scales (one for 128 numbers) are fitted together so that the sum of squared differences is small. With one bit, this is the binary code
/// of XNOR-Net (arXiv:1603.05279) with levels that need not lie evenly around 0; that adapters bear it is the finding of
/// arXiv:2307.16867.
/// </summary>
/// <param name="Bits">Bits of a code: 1, 2, 4 or 8.</param>
/// <param name="Codes">One behind the other, the first in the lowest bits of the first byte.</param>
/// <param name="Levels">[2^Bits], ascending.</param>
/// <param name="Scales">One a block.</param>
internal sealed record PackedMatrix(int Bits, byte[] Codes, Half[] Levels, Half[] Scales)
{
    /// <summary>Numbers that share a scale.</summary>
    public const int Block = 128;

    private const int Rounds = 16;

    /// <summary>Of normal numbers, the best levels lie about as the quantiles of others that spread √3 times as wide.</summary>
    private const float Spread = 1.73f;

    /// <summary>Bytes of the codes of so many numbers.</summary>
    public static long CodeBytes(long count, int bits) => ((count * bits) + 7) / 8;

    /// <summary>Scales of so many numbers.</summary>
    public static long ScaleCount(long count) => (count + Block - 1) / Block;

    /// <summary>Finds codes, levels and scales for numbers.</summary>
    /// <param name="values">The numbers, finite.</param>
    /// <param name="bits">1, 2, 4 or 8.</param>
    /// <exception cref="ArgumentException">A number is beyond what 16-bit floats hold.</exception>
    public static PackedMatrix Of(ReadOnlySpan<float> values, int bits)
    {
        float[] scales = MeanSizes(values);
        float[] levels = Quantiles(values, scales, 1 << bits);
        byte[] codes = new byte[values.Length];
        for (int round = 0; round < Rounds; round++)
        {
            Choose(values, scales, levels, codes);
            FitScales(values, levels, codes, scales);
            FitLevels(values, scales, codes, levels);
            Array.Sort(levels);
        }

        PackedMatrix packed = new(
            bits, new byte[CodeBytes(values.Length, bits)], Array.ConvertAll(levels, ToHalf), Array.ConvertAll(scales, ToHalf));
        Choose(values, ToFloats(packed.Scales), ToFloats(packed.Levels), codes);
        for (int i = 0; i < codes.Length; i++) packed.Codes[i * bits / 8] |= (byte)(codes[i] << (i * bits % 8));
        return packed;
    }

    /// <summary>The numbers, as near as they were kept.</summary>
    /// <param name="values">As many as were given.</param>
    public void Unpack(Span<float> values) => Unpack(Codes, Bits, ToFloats(Levels), ToFloats(Scales), values);

    /// <summary>Numbers from their codes, levels and scales.</summary>
    public static void Unpack(
        ReadOnlySpan<byte> codes, int bits, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, Span<float> values)
    {
        int mask = (1 << bits) - 1;
        for (int i = 0; i < values.Length; i++)
            values[i] = scales[i / Block] * levels[(codes[i * bits / 8] >> (i * bits % 8)) & mask];
    }

    /// <summary>The root of the mean square of each block: where the scales start.</summary>
    private static float[] MeanSizes(ReadOnlySpan<float> values)
    {
        float[] scales = new float[ScaleCount(values.Length)];
        for (int b = 0; b < scales.Length; b++)
        {
            ReadOnlySpan<float> block = values[(b * Block)..Math.Min(values.Length, (b + 1) * Block)];
            double sum = 0;
            foreach (float value in block) sum += (double)value * value;
            scales[b] = (float)Math.Sqrt(sum / block.Length);
        }

        return scales;
    }

    /// <summary>Numbers in units of their scales, cut into parts of equal count: their middles, spread out, are the first levels.</summary>
    private static float[] Quantiles(ReadOnlySpan<float> values, float[] scales, int count)
    {
        float[] sorted = new float[values.Length];
        for (int i = 0; i < sorted.Length; i++) sorted[i] = scales[i / Block] == 0 ? 0 : values[i] / scales[i / Block];
        Array.Sort(sorted);
        float[] levels = new float[count];
        for (int k = 0; k < count; k++) levels[k] = sorted.Length == 0 ? 0 : Spread * sorted[(int)((k + 0.5) / count * sorted.Length)];
        return levels;
    }

    /// <summary>Gives each number the code of the nearest level.</summary>
    private static void Choose(ReadOnlySpan<float> values, float[] scales, float[] levels, byte[] codes)
    {
        float[] middles = new float[levels.Length - 1];
        for (int k = 0; k < middles.Length; k++) middles[k] = (levels[k] + levels[k + 1]) / 2;
        for (int i = 0; i < codes.Length; i++)
        {
            float scale = scales[i / Block];
            int found = scale == 0 ? 0 : Array.BinarySearch(middles, values[i] / scale);
            codes[i] = (byte)(found < 0 ? ~found : found);
        }
    }

    /// <summary>The scale of each block with which its levels come nearest: s = Σ v·l / Σ l².</summary>
    private static void FitScales(ReadOnlySpan<float> values, float[] levels, byte[] codes, float[] scales)
    {
        for (int b = 0; b < scales.Length; b++)
        {
            double product = 0, square = 0;
            for (int i = b * Block; i < Math.Min(values.Length, (b + 1) * Block); i++)
            {
                float level = levels[codes[i]];
                product += (double)values[i] * level;
                square += (double)level * level;
            }

            scales[b] = square == 0 ? 0 : (float)Math.Max(0, product / square);
        }
    }

    /// <summary>The levels that come nearest to the numbers that chose them: l = Σ v·s / Σ s²; one that nobody chose stays.</summary>
    private static void FitLevels(ReadOnlySpan<float> values, float[] scales, byte[] codes, float[] levels)
    {
        double[] products = new double[levels.Length], squares = new double[levels.Length];
        for (int i = 0; i < values.Length; i++)
        {
            double scale = scales[i / Block];
            products[codes[i]] += values[i] * scale;
            squares[codes[i]] += scale * scale;
        }

        for (int k = 0; k < levels.Length; k++)
        {
            if (squares[k] > 0) levels[k] = (float)(products[k] / squares[k]);
        }
    }

    private static float[] ToFloats(Half[] values) => Array.ConvertAll(values, value => (float)value);

    private static Half ToHalf(float value) => Half.IsFinite((Half)value)
        ? (Half)value : throw new ArgumentException($"The number {value} is too large to be kept in few bits.");
}
