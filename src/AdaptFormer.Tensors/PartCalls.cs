namespace AdaptFormer.Tensors;

/// <summary>
/// Runs the calls of a part that a tape computes twice. The first time it notes when each memory was written last, counted in ops that the
/// part had recorded by then; the second time it leaves out the calls behind the last one that wrote what a backward pass reads: in a
/// transformer's block the second product of the feed-forward layer, a third of the block's work.
/// </summary>
/// <param name="inner">What runs the calls.</param>
/// <param name="tape">Where the part records its ops.</param>
/// <param name="first">The number of ops that were recorded ahead of the part.</param>
/// <param name="last">Calls behind this number of the part's ops are left out; none if null.</param>
internal sealed class PartCalls(Backend inner, Tape tape, int first, int? last = null) : Backend
{
    private readonly Dictionary<Storage, int> _written = [];

    /// <inheritdoc/>
    public override Device Device => inner.Device;

    /// <inheritdoc/>
    public override string Name => inner.Name;

    /// <inheritdoc/>
    public override bool FastBFloat16 => inner.FastBFloat16;

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => inner.Allocate(bytes);

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) => inner.AllocateZeros(bytes);

    /// <inheritdoc/>
    public override void CopyFromHost(nint source, Tensor destination) => inner.CopyFromHost(source, destination);

    /// <inheritdoc/>
    public override void CopyToHost(Tensor source, nint destination) => inner.CopyToHost(source, destination);

    /// <inheritdoc/>
    public override DataType GeluKept(DataType result) => inner.GeluKept(result);

    /// <inheritdoc/>
    public override void Invoke(Call call)
    {
        int place = tape.Count - first;
        if (place > last) return;
        if (last is null)
        {
            foreach (Tensor? output in call.Outputs)
            {
                if (output is not null) _written[output.Storage] = place;
            }
        }

        inner.Invoke(call);
    }

    /// <summary>The last place at which any of these was written; -1 if none was.</summary>
    public int LastWritten(IEnumerable<Storage> storages) =>
        storages.Select(storage => _written.GetValueOrDefault(storage, -1)).DefaultIfEmpty(-1).Max();
}
