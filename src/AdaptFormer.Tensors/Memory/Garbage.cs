namespace AdaptFormer.Tensors.Memory;

/// <summary>
/// Keeps the managed heap of a training run flat. A pass leaves a few hundred kilobytes of small objects behind, dead at once; the
/// collector's own budget follows the
/// size of the last-level cache, on a server hundreds of megabytes, so it would let them pile up for hundreds of steps.
/// </summary>
internal static class Garbage
{
    private const long Budget = 2 << 20;
    private static long _collectedAt;

    /// <summary>Collects the youngest objects if enough were made since the last time: a fraction of a millisecond.</summary>
    public static void Collect()
    {
        long made = GC.GetTotalAllocatedBytes();
        if (made - Interlocked.Read(ref _collectedAt) < Budget) return;
        Interlocked.Exchange(ref _collectedAt, made);
        GC.Collect(0, GCCollectionMode.Forced, blocking: true);
    }
}
