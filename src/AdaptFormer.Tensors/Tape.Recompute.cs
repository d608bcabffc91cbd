namespace AdaptFormer.Tensors;

/// <content>Parts of a pass that are computed once more on the way back instead of being kept (gradient checkpointing).</content>
public sealed partial class Tape
{
    // What the part in hand was the first to keep, with its bytes.
    private List<(Storage Storage, long Bytes)>? _sinceStart;

    /// <summary>Whether a model's blocks keep their inputs alone and are computed once more in the backward pass.</summary>
    public bool RecomputesBlocks { get; init; }

    /// <summary>Whether a part is being computed for the second time: what is counted or moved beside its result was so before.</summary>
    internal bool IsRecomputing { get; private set; }

    /// <summary>
    /// Runs a part of the pass and keeps nothing of it but its input: the backward pass runs it again, with the same random draws, and goes
    /// back through what that recorded. Every number is the one that a pass without this would give (arXiv:1604.06174).
    /// </summary>
    /// <param name="x">All that the part reads beside parameters.</param>
    /// <param name="part">The part; it has no effect beside its result and what it draws from this tape.</param>
    /// <returns>What <paramref name="part"/> returns.</returns>
    public Tensor Recompute(Tensor x, Func<Tensor, Tensor> part)
    {
        if (IsRecomputing || _sinceStart is not null) return part(x);       // inside of another part
        (int first, long drawn) = (_nodes.Count, _randomCalls);
        x.Retain();     // or the part might take its memory
        _sinceStart = [];
        try
        {
            PartCalls calls = new(Backend.For(x.Device), this, first);
            Tensor y;
            using (Backend.Use(calls)) y = part(x);
            if (_nodes.Count == first) return y;
            int last = calls.LastWritten(_nodes[first..].SelectMany(node => node.Kept).Select(tensor => tensor.Storage));
            ForgetFrom(first);
            x.DropCopies();
            _sinceStart = null;
            Add(y, [x], dy => Replay(x, part, drawn, last, dy));
            return y;
        }
        finally
        {
            _sinceStart = null;
            x.Release();
        }
    }

    // Behind the part's op number `last` nothing is computed that the way back reads.
    private void Replay(Tensor x, Func<Tensor, Tensor> part, long drawn, int last, Tensor dy)
    {
        (int first, long after) = (_nodes.Count, _randomCalls);
        (_randomCalls, IsRecomputing, _sinceStart) = (drawn, true, []);
        try
        {
            Tensor y;
            using (Backend.Use(new PartCalls(Backend.For(x.Device), this, first, last))) y = part(x);
            y.AddGrad(dy);
            RunBack(first);
            ForgetFrom(first);
        }
        finally
        {
            (_randomCalls, IsRecomputing, _sinceStart) = (after, false, null);
        }
    }

    /// <summary>Lets go of what was recorded from node <paramref name="first"/> on, and of the count of its bytes.</summary>
    private void ForgetFrom(int first)
    {
        foreach (Node node in _nodes[first..]) Forget(node);
        _nodes.RemoveRange(first, _nodes.Count - first);
        foreach ((Storage storage, long bytes) in _sinceStart!)
        {
            _kept.Remove(storage);
            KeptBytes -= bytes;
        }

        _sinceStart.Clear();
    }
}
