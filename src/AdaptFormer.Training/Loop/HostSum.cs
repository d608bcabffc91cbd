using System.Runtime.InteropServices;
using AdaptFormer.Distributed;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Loop;

/// <summary>Sums gradients over ranks on the host, wherever they lie.</summary>
/// <param name="ranks">The ranks.</param>
/// <param name="length">Numbers of a gradient.</param>
internal sealed class HostSum(Collective ranks, int length) : RankSum
{
    private readonly OrderedSum _ordered = new(ranks, length);
    private readonly float[] _host = GC.AllocateUninitializedArray<float>(length, pinned: true);

    /// <inheritdoc/>
    public override void Begin() => _ordered.Begin();

    /// <inheritdoc/>
    public override void Add(Tensor own, int taking)
    {
        own.CopyTo(_host);
        _ordered.Add(_host, taking);
    }

    /// <inheritdoc/>
    public override void End(Tensor sum)
    {
        _ordered.End(_host);
        sum.CopyBytesFrom(MemoryMarshal.AsBytes<float>(_host));
    }

    /// <inheritdoc/>
    public override void Fast(Tensor values)
    {
        values.CopyTo(_host);
        ranks.Sum(_host);
        values.CopyBytesFrom(MemoryMarshal.AsBytes<float>(_host));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
