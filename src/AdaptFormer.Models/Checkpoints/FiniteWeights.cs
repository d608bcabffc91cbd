using System.Numerics;
using System.Runtime.InteropServices;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>Finds NaN and infinities in weights before a model answers with them.</summary>
internal static class FiniteWeights
{
    private const uint Exponent = 0x7F80_0000;       // all ones: NaN or infinity
    private const int MostNamed = 5;

    /// <summary>Throws when a weight holds a number that is not finite, naming the first of them in each tensor.</summary>
    /// <param name="weights">The weights, under the names that messages give them.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="InvalidDataException">One holds such a number.</exception>
    public static void Require(IEnumerable<KeyValuePair<string, StateDict.Weight>> weights, string source)
    {
        List<string> bad = [];
        int count = 0;
        foreach ((string name, StateDict.Weight weight) in weights)
        {
            if (FirstIn(weight) is not var (at, value)) continue;
            if (++count <= MostNamed) bad.Add($"{name} at element {at} ({value})");
        }

        if (count == 0) return;
        string more = count > MostNamed ? $" and {count - MostNamed} more tensors" : "";
        throw new InvalidDataException($"{source}: weights that are no finite numbers: {string.Join(", ", bad)}{more}. The file is "
            + "damaged, or its training diverged; take another checkpoint.");
    }

    /// <summary>The first number that is not finite; null if all are.</summary>
    public static (long Index, float Value)? FirstIn(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(values);
        int at = 0;
        Vector<uint> exponent = new(Exponent);
        for (; at <= bits.Length - Vector<uint>.Count; at += Vector<uint>.Count)
        {
            if (Vector.EqualsAny(new Vector<uint>(bits[at..]) & exponent, exponent)) break;
        }

        for (; at < bits.Length; at++)
        {
            if ((bits[at] & Exponent) == Exponent) return (at, values[at]);
        }

        return null;
    }

    private static unsafe (long Index, float Value)? FirstIn(StateDict.Weight weight)
    {
        if (weight.Mapped is not { } mapped) return FirstIn(weight.ToArray());
        const int Piece = 1 << 22;
        long length = weight.Shape.Length;
        for (long start = 0; start < length; start += Piece)
        {
            ReadOnlySpan<float> piece = new((float*)mapped.Pointer + start, (int)Math.Min(Piece, length - start));
            if (FirstIn(piece) is var (at, value)) return (start + at, value);
        }

        mapped.Release();       // or a model would stand in memory twice, as the file has it and packed
        GC.KeepAlive(mapped.Owner);
        return null;
    }
}
