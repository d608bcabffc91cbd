using System.Numerics;

namespace AdaptFormer.Tensors.Memory;

/// <summary>
/// 64-byte aligned native blocks in size classes, kept for reuse: a training step asks for the same sizes again and again, and
/// fresh pages from the operating system would cost more than the kernels that fill them.
/// </summary>
/// <remarks>
/// Sizes of the forward pass wait unused during the backward pass, and the other way round. So that the process hardly takes more than its
/// blocks in use ever needed at once, large blocks that have waited long go back to the system before a new one is made.
/// </remarks>
public static class BufferPool
{
    private const int ClassesPerOctave = 8;      // at most 12.5 % of a block is wasted
    private const int MinimumBytes = 256;
    private const long LargeBytes = 1 << 20;     // smaller blocks are too little to be worth a system call
    // what may wait beyond that need: a small model's blocks go round without asking the system for any
    private const long Spare = 32 << 20;
    // large blocks that came back later: a few layers' worth, so that what each layer needs stays
    private const int LongWait = 32;
    private static readonly Lock Gate = new();
    private static readonly Dictionary<long, List<Waiting>> Free = [];
    private static long _liveBuffers, _liveBytes, _peakBytes, _mostLive, _pooledBytes, _returns;

    /// <summary>Blocks in use.</summary>
    public static long LiveBuffers => Interlocked.Read(ref _liveBuffers);

    /// <summary>Bytes in use, without what lies in the pool.</summary>
    public static long LiveBytes => Interlocked.Read(ref _liveBytes);

    /// <summary>Highest <see cref="LiveBytes"/> since the start or <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Interlocked.Read(ref _peakBytes);

    /// <summary>Bytes that wait in the pool for reuse.</summary>
    public static long PooledBytes => Interlocked.Read(ref _pooledBytes);

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/>.</summary>
    public static void ResetPeak() => Interlocked.Exchange(ref _peakBytes, LiveBytes);

    /// <summary>Returns all waiting blocks to the operating system.</summary>
    public static void Trim()
    {
        lock (Gate)
        {
            foreach ((long capacity, List<Waiting> blocks) in Free)
            {
                foreach (Waiting waiting in blocks) SystemMemory.Free(waiting.Block, capacity);
            }

            Free.Clear();
            (_pooledBytes, _mostLive) = (0, _liveBytes);
        }
    }

    /// <summary>A block of at least <paramref name="bytes"/> bytes, contents undefined; <paramref name="capacity"/> is what
    /// <see cref="Return"/> needs.</summary>
    internal static nint Rent(long bytes, out long capacity)
    {
        capacity = SizeClass(bytes);
        lock (Gate)
        {
            _liveBuffers++;
            _liveBytes += capacity;
            _peakBytes = Math.Max(_peakBytes, _liveBytes);
            _mostLive = Math.Max(_mostLive, _liveBytes);
            if (Free.TryGetValue(capacity, out List<Waiting>? blocks) && blocks.Count > 0)
            {
                nint block = blocks[^1].Block;
                blocks.RemoveAt(blocks.Count - 1);
                _pooledBytes -= capacity;
                return block;
            }

            if (capacity >= LargeBytes)
            {
                while (_liveBytes + _pooledBytes > _mostLive + Spare && FreeLongestWaiting())
                {
                }
            }
        }

        return SystemMemory.Allocate(capacity);
    }

    /// <summary>Takes a block back.</summary>
    internal static void Return(nint block, long capacity)
    {
        lock (Gate)
        {
            _liveBuffers--;
            _liveBytes -= capacity;
            _pooledBytes += capacity;
            if (!Free.TryGetValue(capacity, out List<Waiting>? blocks)) Free[capacity] = blocks = [];
            blocks.Add(new Waiting(block, capacity >= LargeBytes ? _returns++ : _returns));
        }
    }

    /// <summary>Gives a block back to the system at once.</summary>
    internal static void Discard(nint block, long capacity)
    {
        lock (Gate)
        {
            _liveBuffers--;
            _liveBytes -= capacity;
        }

        SystemMemory.Free(block, capacity);
    }

    /// <summary>What a block of <paramref name="bytes"/> really takes.</summary>
    internal static long SizeClass(long bytes)
    {
        if (bytes <= MinimumBytes) return MinimumBytes;
        long step = Math.Max(64, (long)(BitOperations.RoundUpToPowerOf2((ulong)bytes) / (2 * ClassesPerOctave)));
        return (bytes + step - 1) / step * step;
    }

    /// <summary>Gives the large block that was returned first back to the system; false when none has waited long.</summary>
    private static bool FreeLongestWaiting()
    {
        (long capacity, List<Waiting>? oldest) = (0, null);
        foreach ((long size, List<Waiting> blocks) in Free)
        {
            if (size >= LargeBytes && blocks.Count > 0 && (oldest is null || blocks[0].Since < oldest[0].Since))
                (capacity, oldest) = (size, blocks);
        }

        if (oldest is null || _returns - oldest[0].Since < LongWait) return false;
        SystemMemory.Free(oldest[0].Block, capacity);
        oldest.RemoveAt(0);
        _pooledBytes -= capacity;
        return true;
    }

    /// <summary>A block in the pool; a later one has a larger number.</summary>
    private readonly record struct Waiting(nint Block, long Since);
}
