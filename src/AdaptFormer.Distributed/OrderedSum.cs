using System.Numerics;
using System.Runtime.InteropServices;

namespace AdaptFormer.Distributed;

/// <summary>
/// Sums vectors over rounds and ranks in one order: all of round 0 by rank, then all of round 1. Every number is summed by one rank, so
/// the bits are those of one process that adds the same vectors one after the other, whatever the number of ranks and the library. What is
/// sent is what a ring sends: each vector once in parts, and the sum once.
/// </summary>
/// <param name="ranks">The ranks.</param>
/// <param name="length">Numbers in a vector.</param>
public sealed class OrderedSum(Collective ranks, int length)
{
    // Short enough that what is sent, received and summed stays in the cache; long enough that what goes to each of many ranks is more
    // than its latency.
    private readonly int _part = PartLength(ranks.Size);
    private readonly int _slice = (Math.Min(length, PartLength(ranks.Size)) + ranks.Size - 1) / ranks.Size;
    private readonly int _parts = (length + PartLength(ranks.Size) - 1) / PartLength(ranks.Size);
    private float[] _sums = [], _send = [], _received = [];
    private bool _any;

    /// <summary>Begins a sum.</summary>
    public void Begin()
    {
        if (_sums.Length == 0)
        {
            // Pinned, because a library may still write when a deadline has passed.
            _sums = GC.AllocateArray<float>(checked(_slice * _parts), pinned: true);
            _send = GC.AllocateArray<float>(_slice * ranks.Size, pinned: true);
            _received = GC.AllocateArray<float>(_slice * ranks.Size, pinned: true);
        }

        _any = false;
    }

    /// <summary>Adds a round.</summary>
    /// <param name="own">This rank's vector; not read if it takes no part.</param>
    /// <param name="taking">Ranks that take part: the first so many.</param>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public void Add(ReadOnlySpan<float> own, int taking)
    {
        for (int part = 0; part < _parts; part++)
        {
            ReadOnlySpan<float> values = own.Slice(part * _part, Math.Min(_part, length - (part * _part)));
            values.CopyTo(_send);
            ranks.Exchange(_send, _received);
            Span<float> sum = _sums.AsSpan(part * _slice, _slice);
            for (int rank = 0; rank < taking; rank++)
            {
                ReadOnlySpan<float> vector = _received.AsSpan(rank * _slice, _slice);
                if (rank == 0 && !_any) vector.CopyTo(sum);
                else AddTo(sum, vector);
            }
        }

        _any = true;
    }

    /// <summary>Gives every rank the sum.</summary>
    /// <param name="sum">Where to.</param>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public void End(Span<float> sum)
    {
        for (int part = 0; part < _parts; part++)
        {
            ranks.Gather<float>(_sums.AsSpan(part * _slice, _slice), _received);
            Span<float> place = sum.Slice(part * _part, Math.Min(_part, length - (part * _part)));
            _received.AsSpan(0, place.Length).CopyTo(place);
        }
    }

    private static int PartLength(int ranks) => Math.Clamp(ranks << 15, 1 << 18, 4 << 20);

    private static void AddTo(Span<float> sum, ReadOnlySpan<float> values)
    {
        Span<Vector<float>> wide = MemoryMarshal.Cast<float, Vector<float>>(sum);
        ReadOnlySpan<Vector<float>> added = MemoryMarshal.Cast<float, Vector<float>>(values);
        for (int i = 0; i < wide.Length; i++) wide[i] += added[i];
        for (int i = wide.Length * Vector<float>.Count; i < sum.Length; i++) sum[i] += values[i];
    }
}
