using System.Numerics;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda.Memory;

/// <summary>
/// Blocks of a card's memory in size classes, kept for reuse: all work is in one stream, so a block that was given back may be written
/// by the next kernel at once. A training step asks for the same sizes again and again, so after the first one nothing is allocated.
/// </summary>
/// <param name="driver">The driver.</param>
/// <param name="device">The card, for messages.</param>
/// <param name="poison">On an emulated card, the stream that fills what is handed out again with NaN; 0 on a real one.</param>
internal sealed unsafe class DevicePool(DriverApi driver, string device, nint poison)
{
    private const int ClassesPerOctave = 8;      // at most 12.5 % of a block is wasted
    private const long MinimumBytes = 512;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Stack<nint>> _free = [];
    private readonly Dictionary<nint, Reserved> _owners = [];

    // What this thread rents belongs to it: a recorded computation, which uses the same addresses whenever it is repeated.
    [ThreadStatic]
    private static Reserved? _reserving;

    private long _liveBlocks, _liveBytes, _peakBytes, _pooledBytes, _heldBytes, _allocations;

    /// <summary>Blocks that tensors hold.</summary>
    public long LiveBlocks => Interlocked.Read(ref _liveBlocks);

    /// <summary>Bytes of these.</summary>
    public long LiveBytes => Interlocked.Read(ref _liveBytes);

    /// <summary>The highest <see cref="LiveBytes"/> so far.</summary>
    public long PeakBytes => Interlocked.Read(ref _peakBytes);

    /// <summary>Bytes that the driver has given out, those that wait to be used again included.</summary>
    public long HeldBytes => Interlocked.Read(ref _heldBytes);

    /// <summary>How often the driver was asked for memory.</summary>
    public long Allocations => Interlocked.Read(ref _allocations);

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/>.</summary>
    public void ResetPeak() => Interlocked.Exchange(ref _peakBytes, LiveBytes);

    /// <summary>A block of at least <paramref name="bytes"/> bytes, contents undefined. The context is current.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The card has none, even without what waited here.</exception>
    public Block Rent(long bytes)
    {
        long capacity = SizeClass(bytes);
        lock (_gate)
        {
            Reserved? owner = _reserving;
            nint address = owner?.Take(capacity) ?? 0;
            if (address == 0 && _free.TryGetValue(capacity, out Stack<nint>? blocks) && blocks.TryPop(out address))
            {
                _pooledBytes -= capacity;
                if (poison != 0) driver.Check(driver.FillBytes(address, 0xFF, (nuint)capacity, poison), "cuMemsetD8Async");
            }

            if (address == 0) address = Allocate(capacity);
            if (owner is not null) _owners[address] = owner;

            _liveBlocks++;
            _liveBytes += capacity;
            _peakBytes = Math.Max(_peakBytes, _liveBytes);
            return new Block(address, capacity);
        }
    }

    /// <summary>Takes a block back.</summary>
    public void Return(Block block)
    {
        lock (_gate)
        {
            _liveBlocks--;
            _liveBytes -= block.Capacity;
            if (_owners.TryGetValue(block.Address, out Reserved? owner))
            {
                owner.Put(block);
                return;
            }

            _pooledBytes += block.Capacity;
            if (!_free.TryGetValue(block.Capacity, out Stack<nint>? blocks)) _free[block.Capacity] = blocks = [];
            blocks.Push(block.Address);
        }
    }

    /// <summary>Lets what this thread rents until the result is disposed belong to <paramref name="owner"/>.</summary>
    public static IDisposable Reserve(Reserved owner)
    {
        _reserving = owner;
        return new EndOfReserving();
    }

    /// <summary>Takes back what belonged to a computation that is repeated no more.</summary>
    public void Release(Reserved owner)
    {
        lock (_gate)
        {
            nint[] own = [.. _owners.Where(entry => entry.Value == owner).Select(entry => entry.Key)];
            foreach (nint address in own) _owners.Remove(address);
            foreach (Block block in owner.Waiting)
            {
                _pooledBytes += block.Capacity;
                if (!_free.TryGetValue(block.Capacity, out Stack<nint>? blocks)) _free[block.Capacity] = blocks = [];
                blocks.Push(block.Address);
            }
        }
    }

    /// <summary>Gives what waits back to the driver, which first ends the work that still reads it. The context is current.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            foreach (nint block in _free.Values.SelectMany(blocks => blocks)) driver.Check(driver.Free(block), "cuMemFree");
            _free.Clear();
            _heldBytes -= _pooledBytes;
            _pooledBytes = 0;
        }
    }

    /// <summary>What a block of <paramref name="bytes"/> really takes.</summary>
    public static long SizeClass(long bytes)
    {
        if (bytes <= MinimumBytes) return MinimumBytes;
        long step = Math.Max(512, (long)(BitOperations.RoundUpToPowerOf2((ulong)bytes) / (2 * ClassesPerOctave)));
        return (bytes + step - 1) / step * step;
    }

    private nint Allocate(long capacity)
    {
        nint address;
        int code = driver.Allocate(&address, (nuint)capacity);
        if (code == DriverApi.OutOfMemory && _pooledBytes > 0 && _reserving is null)
        {
            Trim();
            code = driver.Allocate(&address, (nuint)capacity);
        }

        if (code == DriverApi.OutOfMemory)
        {
            nuint available, total;
            driver.Check(driver.MemoryInfo(&available, &total), "cuMemGetInfo");
            throw new OutOfDeviceMemoryException(
                $"{device} has no room for another {Megabytes(capacity)}: this program holds {Megabytes(_liveBytes)} there, and "
                + $"{Megabytes((long)available)} of {Megabytes((long)total)} are free. Use a smaller batch (--set batch=…, with "
                + "accumulate to keep the step as large; --batch to predict), tuning that keeps less, or a smaller model.");
        }

        driver.Check(code, "cuMemAlloc");
        _allocations++;
        _heldBytes += capacity;
        return address;
    }

    private static string Megabytes(long bytes) => $"{Math.Max(1, bytes >> 20):N0} MiB";

    /// <summary>Memory of the card.</summary>
    public readonly record struct Block(nint Address, long Capacity);

    /// <summary>Blocks that nobody else gets, in use and waiting.</summary>
    public sealed class Reserved
    {
        private readonly Dictionary<long, Stack<nint>> _waiting = [];

        /// <summary>Those that wait.</summary>
        public IEnumerable<Block> Waiting => _waiting.SelectMany(entry => entry.Value.Select(address => new Block(address, entry.Key)));

        /// <summary>One of this capacity; 0 if none waits.</summary>
        public nint Take(long capacity) =>
            _waiting.TryGetValue(capacity, out Stack<nint>? blocks) && blocks.TryPop(out nint address) ? address : 0;

        /// <summary>Takes one back.</summary>
        public void Put(Block block)
        {
            if (!_waiting.TryGetValue(block.Capacity, out Stack<nint>? blocks)) _waiting[block.Capacity] = blocks = [];
            blocks.Push(block.Address);
        }
    }

    private sealed class EndOfReserving : IDisposable
    {
        public void Dispose() => _reserving = null;
    }
}
