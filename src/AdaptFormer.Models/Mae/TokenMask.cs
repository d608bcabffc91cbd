using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Mae;

/// <summary>Which patches of a batch an autoencoder sees and which it has to guess; every sample has the same number of each.</summary>
public sealed class TokenMask
{
    private readonly int[] _order;

    /// <param name="order">[B·N]: the patches of each sample, those to be kept first.</param>
    /// <param name="patches">N.</param>
    /// <param name="kept">K.</param>
    private TokenMask(int[] order, int patches, int kept)
    {
        (_order, Patches, KeptPatches) = (order, patches, kept);
        Batch = order.Length / patches;
    }

    /// <summary>B.</summary>
    public int Batch { get; }

    /// <summary>N, patches of a sample.</summary>
    public int Patches { get; }

    /// <summary>K, those that are seen.</summary>
    public int KeptPatches { get; }

    /// <summary>[B·K], the patches that are seen, in the order in which they were drawn.</summary>
    public int[] Kept => Part(0, KeptPatches);

    /// <summary>[B·(N − K)], the patches to be guessed.</summary>
    public int[] Removed => Part(KeptPatches, Patches - KeptPatches);

    /// <summary>[B·N]: where each patch stands in the order of drawing; below K for one that is seen.</summary>
    public int[] Places
    {
        get
        {
            int[] places = new int[_order.Length];
            for (int i = 0; i < _order.Length; i++) places[(i / Patches * Patches) + _order[i]] = i % Patches;
            return places;
        }
    }

    /// <summary>MAE's masking with given noise: the ⌊N·(1 − ratio)⌋ patches of lowest noise are seen.</summary>
    /// <param name="noise">[B·N].</param>
    /// <param name="patches">N.</param>
    /// <param name="ratio">Share of patches to be guessed, in [0, 1).</param>
    /// <exception cref="ArgumentException">The noise is not N for each sample, or no patch would be seen.</exception>
    public static TokenMask FromNoise(ReadOnlySpan<float> noise, int patches, double ratio)
    {
        if (patches < 1 || noise.Length == 0 || noise.Length % patches != 0)
            throw new ArgumentException($"TokenMask: {noise.Length} numbers of noise are not {patches} for each sample.");
        return Draw(noise, patches, Seen(patches, ratio, (int)(patches * (1 - ratio))));
    }

    private static TokenMask Draw(ReadOnlySpan<float> noise, int patches, int kept)
    {
        int[] order = new int[noise.Length];
        float[] keys = new float[patches];
        for (int start = 0; start < noise.Length; start += patches)
        {
            noise.Slice(start, patches).CopyTo(keys);
            Span<int> row = order.AsSpan(start, patches);
            for (int i = 0; i < patches; i++) row[i] = i;
            row.Sort((a, b) => keys[a].CompareTo(keys[b]) is var c and not 0 ? c : a.CompareTo(b));
        }

        return new TokenMask(order, patches, kept);
    }

    /// <summary>Random masking, each sample its own.</summary>
    /// <param name="rng">Where the noise comes from.</param>
    /// <param name="batch">B.</param>
    /// <param name="patches">N.</param>
    /// <param name="ratio">Share of patches to be guessed, in [0, 1).</param>
    /// <exception cref="ArgumentException">No patch would be seen.</exception>
    public static TokenMask Random(Rng rng, int batch, int patches, double ratio)
    {
        return FromNoise(Noise(rng, batch * patches), patches, ratio);
    }

    /// <summary>VideoMAE's tube masking: a place in the frame is seen at every step in time or at none; ⌊places·ratio⌋ are
    /// not.</summary>
    /// <param name="rng">Where the noise comes from.</param>
    /// <param name="batch">B.</param>
    /// <param name="steps">Tubelets in time.</param>
    /// <param name="places">Tubelets of one step.</param>
    /// <param name="ratio">Share of places to be guessed, in [0, 1).</param>
    /// <exception cref="ArgumentException">No place would be seen.</exception>
    public static TokenMask Tubes(Rng rng, int batch, int steps, int places, double ratio)
    {
        TokenMask frame = Draw(Noise(rng, batch * places), places, Seen(places, ratio, places - (int)(places * ratio)));
        int patches = steps * places, kept = frame.KeptPatches;
        int[] order = new int[batch * patches];
        for (int b = 0; b < batch; b++)
        {
            for (int i = 0; i < patches; i++)
            {
                // First what is seen of every step, then the rest of every step.
                bool seen = i < steps * kept;
                (int step, int rank) = seen ? Math.DivRem(i, kept) : Math.DivRem(i - (steps * kept), places - kept);
                order[(b * patches) + i] = (step * places) + frame._order[(b * places) + rank + (seen ? 0 : kept)];
            }
        }

        return new TokenMask(order, patches, steps * kept);
    }

    private static float[] Noise(Rng rng, int count)
    {
        float[] noise = new float[count];
        for (int i = 0; i < count; i++) noise[i] = rng.NextSingle();
        return noise;
    }

    private static int Seen(int patches, double ratio, int kept)
    {
        if (ratio is not (>= 0 and < 1))
            throw new ArgumentException($"TokenMask: the share of patches to be guessed is {ratio}, expected a number in [0, 1).");
        return kept >= 1 ? kept : throw new ArgumentException(
            $"TokenMask: of {patches} patches none is seen when {ratio:0.###} of them are hidden; lower mask_ratio.");
    }

    private int[] Part(int start, int count)
    {
        int[] part = new int[Batch * count];
        for (int b = 0; b < Batch; b++) Array.Copy(_order, (b * Patches) + start, part, b * count, count);
        return part;
    }
}
