using System.Numerics;
using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Memory;

/// <summary>
/// 64-byte aligned native blocks in size classes, kept for reuse: a training step asks for the same sizes again and again, and
/// fresh pages from the operating system would cost more than the kernels that fill them.
/// </summary>
public static unsafe class BufferPool
{
    private const int ClassesPerOctave = 8;      // at most 12.5 % of a block is wasted
    private const int MinimumBytes = 256;
    private static readonly Lock Gate = new();
    private static readonly Dictionary<long, Stack<nint>> Free = [];
    private static long _liveBuffers, _liveBytes, _peakBytes, _pooledBytes;

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
            foreach (Stack<nint> blocks in Free.Values)
            {
                foreach (nint block in blocks) NativeMemory.AlignedFree((void*)block);
            }

            Free.Clear();
            _pooledBytes = 0;
        }
    }

    /// <summary>A block of at least <paramref name="bytes"/> bytes, contents undefined; <paramref name="capacity"/> is what <see cref="Return"/> needs.</summary>
    internal static nint Rent(long bytes, out long capacity)
    {
        capacity = SizeClass(bytes);
        lock (Gate)
        {
            _liveBuffers++;
            _liveBytes += capacity;
            _peakBytes = Math.Max(_peakBytes, _liveBytes);
            if (Free.TryGetValue(capacity, out Stack<nint>? blocks) && blocks.TryPop(out nint block))
            {
                _pooledBytes -= capacity;
                return block;
            }
        }

        return (nint)NativeMemory.AlignedAlloc((nuint)capacity, 64);
    }

    /// <summary>Takes a block back.</summary>
    internal static void Return(nint block, long capacity)
    {
        lock (Gate)
        {
            _liveBuffers--;
            _liveBytes -= capacity;
            _pooledBytes += capacity;
            if (!Free.TryGetValue(capacity, out Stack<nint>? blocks)) Free[capacity] = blocks = new();
            blocks.Push(block);
        }
    }

    /// <summary>What a block of <paramref name="bytes"/> really takes.</summary>
    internal static long SizeClass(long bytes)
    {
        if (bytes <= MinimumBytes) return MinimumBytes;
        long step = Math.Max(64, (long)(BitOperations.RoundUpToPowerOf2((ulong)bytes) / (2 * ClassesPerOctave)));
        return (bytes + step - 1) / step * step;
    }
}
