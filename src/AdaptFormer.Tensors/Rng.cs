using System.Runtime.Intrinsics;

namespace AdaptFormer.Tensors;

/// <summary>
/// A random stream that is a pure function of its key: the n-th number of a stream is <c>mix(key + n·φ)</c> (SplitMix64).
/// <see cref="Derive"/> makes independent streams from names such as (seed, epoch, index), so what a sample looks like
/// depends neither on the number of workers nor on where a run was resumed.
/// </summary>
public sealed class Rng
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private ulong _counter;
    private double _spareNormal = double.NaN;

    /// <summary>Starts the stream named by <paramref name="seed"/>.</summary>
    public Rng(long seed) => Key = Mix(unchecked((ulong)seed) + Golden);

    private Rng(ulong key) => Key = key;

    /// <summary>
    /// A stream that says that nothing needs to be drawn, nor from those derived from it: whatever starts with it is filled from a file at
    /// once, and may start with zeros, which takes no time.
    /// </summary>
    public static Rng Blank { get; } = new(0L) { IsBlank = true };

    /// <summary>Whether this is <see cref="Blank"/>, or was derived from it.</summary>
    public bool IsBlank { get; private init; }

    /// <summary>The stream's identity; two streams with equal keys are equal.</summary>
    public ulong Key { get; private set; }

    /// <summary>An independent stream named by this stream and <paramref name="path"/>. Does not advance this stream.</summary>
    public Rng Derive(params ReadOnlySpan<long> path) => IsBlank ? this : new(KeyOf(path));

    /// <summary>
    /// Makes <paramref name="stream"/> the stream that <see cref="Derive"/> returns, at its start: one object serves sample after sample.
    /// Does not advance this stream.
    /// </summary>
    public void DeriveInto(Rng stream, params ReadOnlySpan<long> path) =>
        (stream.Key, stream._counter, stream._spareNormal) = (KeyOf(path), 0, double.NaN);

    /// <summary>Makes <paramref name="stream"/> go on where this stream stands: both draw the same from here.</summary>
    public void CopyTo(Rng stream) => (stream.Key, stream._counter, stream._spareNormal) = (Key, _counter, _spareNormal);

    private ulong KeyOf(ReadOnlySpan<long> path)
    {
        ulong key = Key;
        foreach (long step in path) key = Mix(key ^ Mix(unchecked((ulong)step + Golden)));
        return key;
    }

    /// <summary>
    /// The number at <paramref name="index"/> of the stream <paramref name="key"/>: random access, for masks made in parallel.
    /// </summary>
    public static ulong At(ulong key, ulong index) => Mix(key + (index + 1) * Golden);

    /// <summary>As <see cref="At(ulong, ulong)"/>, for eight places at once.</summary>
    internal static Vector512<ulong> At(ulong key, Vector512<ulong> index)
    {
        Vector512<ulong> z = Vector512.Create(key) + ((index + Vector512<ulong>.One) * Golden);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EB;
        return z ^ (z >>> 31);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64() => At(Key, _counter++);

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float NextSingle() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>Uniform integer in [0, <paramref name="bound"/>), without modulo bias worth noting (64-bit multiply-shift).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is not positive.</exception>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)Math.BigMul(NextUInt64(), (ulong)bound, out _);
    }

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public double NextUniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>Standard normal (Box-Muller, both halves used).</summary>
    public double NextNormal()
    {
        if (!double.IsNaN(_spareNormal))
        {
            double spare = _spareNormal;
            _spareNormal = double.NaN;
            return spare;
        }

        double radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        (double sin, double cos) = Math.SinCos(2 * Math.PI * NextDouble());
        _spareNormal = radius * sin;
        return radius * cos;
    }

    /// <summary>Puts <paramref name="items"/> into a random order (Fisher-Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
