
namespace AdaptFormer.Training.Metrics;

/// <summary>The mean of numbers that arrive in batches of different sizes, kept in double precision. Not safe for several threads at
/// once.</summary>
public sealed class RunningMean
{
    private double _sum;

    /// <summary>Weight added so far, usually a number of samples.</summary>
    public long Count { get; private set; }

    /// <summary>The mean, NaN before the first value.</summary>
    public double Value => Count == 0 ? double.NaN : _sum / Count;

    /// <summary>Adds the mean <paramref name="value"/> of <paramref name="count"/> samples.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public void Add(double value, int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count == 0) return; // an empty batch has a mean of NaN, which must not spread
        _sum += value * count;
        Count += count;
    }

    /// <summary>Forgets everything, for the next epoch.</summary>
    public void Reset() => (_sum, Count) = (0, 0);
}
