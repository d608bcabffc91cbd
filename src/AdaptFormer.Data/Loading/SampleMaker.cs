using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Loading;

/// <summary>What a loader makes of a data set: for each item one or several tensors of one shape. Safe for many threads.</summary>
public abstract class SampleMaker
{
    /// <summary>The items.</summary>
    public abstract LabelledDataset Data { get; }

    /// <summary>Shape of a sample: [3, S, S] of a picture, [3, T, S, S] of a clip.</summary>
    public abstract IReadOnlyList<int> Dims { get; }

    /// <summary>Whether the same item always gives the same samples.</summary>
    public abstract bool IsDeterministic { get; }

    /// <summary>Everything that a sample depends on beside its item, as text: equal exactly for makers that do the same.</summary>
    public abstract string Description { get; }

    /// <summary>Samples of one item, which stand one after the other: sample i shows item i / Views. 1 unless several crops of a clip are
    /// scored together.</summary>
    public virtual int Views => 1;

    /// <summary>Whether items are turned as their files say.</summary>
    public virtual OrientationRule Orientation => OrientationRule.Apply;

    /// <summary>How samples of 8-bit values become numbers; null where samples are made of numbers alone.</summary>
    public virtual PixelNormalizer? Normalizer => null;

    /// <summary>Number of samples.</summary>
    public int Count => Data.Count * Views;

    /// <summary>Number of floats of a sample.</summary>
    public int Length => Dims.Aggregate(1, (a, b) => checked(a * b));

    /// <summary>Working memory for one thread.</summary>
    public abstract IDisposable CreateScratch();

    /// <summary>Reads an item and makes a sample of it.</summary>
    /// <param name="sample">Sample, in [0, <see cref="Count"/>).</param>
    /// <param name="rng">The sample's own random stream; not read by a deterministic maker.</param>
    /// <param name="destination">Receives <see cref="Length"/> numbers.</param>
    /// <param name="scratch">What <see cref="CreateScratch"/> made, for this thread.</param>
    /// <exception cref="InvalidDataException">The item is damaged; the message names it.</exception>
    /// <exception cref="IOException">The item cannot be read.</exception>
    public abstract void Make(int sample, Rng rng, Span<float> destination, IDisposable scratch);

    /// <summary>As the other, of 8-bit values that <see cref="Normalizer"/> makes the same numbers of.</summary>
    /// <exception cref="NotSupportedException">There is no <see cref="Normalizer"/>.</exception>
    public virtual void Make(int sample, Rng rng, Span<byte> destination, IDisposable scratch) =>
        throw new NotSupportedException($"{GetType().Name}: samples are not made of 8-bit values.");
}
