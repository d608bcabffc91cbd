using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>What the blocks ahead of a cut made of one input, which every task that changes nothing there can start from.</summary>
/// <param name="Cut">The cut.</param>
/// <param name="Shape">[views, ...].</param>
/// <param name="Values">The numbers.</param>
internal sealed record Trunk(int Cut, Shape Shape, float[] Values)
{
    public int Rows => Shape[0];

    public long Bytes => (long)Values.Length * sizeof(float);
}

/// <summary>Trunks of the inputs that were asked about lately, by content; bounded in bytes. Safe for many threads.</summary>
/// <param name="limit">Most bytes.</param>
internal sealed class TrunkCache(long limit)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<InputKey, LinkedListNode<(InputKey Key, List<Trunk> Trunks)>> _entries = [];
    private readonly LinkedList<(InputKey Key, List<Trunk> Trunks)> _order = new();      // asked last comes first

    /// <summary>Bytes of all trunks.</summary>
    public long Bytes { get; private set; }

    /// <summary>Inputs that have trunks here.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    /// <summary>All trunks of an input.</summary>
    public IReadOnlyList<Trunk> Of(InputKey key)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out LinkedListNode<(InputKey Key, List<Trunk> Trunks)>? node)) return [];
            _order.Remove(node);
            _order.AddFirst(node);
            return [.. node.Value.Trunks];
        }
    }

    /// <summary>Keeps a copy of a trunk, and lets those go that were not asked for longest.</summary>
    /// <param name="key">Whose trunk it is.</param>
    /// <param name="cut">Where it ends.</param>
    /// <param name="rows">[views, ...].</param>
    public void Add(InputKey key, int cut, Tensor rows)
    {
        if (rows.Length * sizeof(float) > limit) return;
        Trunk trunk = new(cut, rows.Shape, rows.ToArray());
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out LinkedListNode<(InputKey Key, List<Trunk> Trunks)>? node))
                _entries[key] = node = _order.AddFirst((key, []));
            if (node.Value.Trunks.Any(kept => kept.Cut == trunk.Cut)) return;
            node.Value.Trunks.Add(trunk);
            Bytes += trunk.Bytes;
            while (Bytes > limit && _order.Last is { } last && last != node)
            {
                Drop(last);
            }

            if (Bytes > limit) Drop(node);
        }
    }

    private void Drop(LinkedListNode<(InputKey Key, List<Trunk> Trunks)> node)
    {
        Bytes -= node.Value.Trunks.Sum(trunk => trunk.Bytes);
        _entries.Remove(node.Value.Key);
        _order.Remove(node);
    }
}
