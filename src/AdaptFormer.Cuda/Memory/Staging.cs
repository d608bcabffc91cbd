using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda.Memory;

/// <summary>
/// The way of the host's numbers to the card: page-locked buffers that a copy stream empties while kernels run. What is written here may be
/// changed by the caller at once. A large transfer first lands in a block of the card that only this class uses, so that it need not wait
/// for the kernels before it; small ones go with the kernels' own stream.
/// </summary>
internal sealed unsafe class Staging
{
    private const int LargeSlots = 2;
    private const long SmallBytes = 4 << 20, SmallTransfer = 256 << 10, LargeBytes = 32 << 20;
    private readonly Lock _gate = new();
    private readonly DriverApi _driver;
    private readonly nint _compute, _copies;
    private readonly Half[] _halves = new Half[2];
    private readonly Slot[] _slots = new Slot[LargeSlots];
    private int _half, _slot;

    public Staging(DriverApi driver, nint compute, nint copies)
    {
        (_driver, _compute, _copies) = (driver, compute, copies);
        for (int i = 0; i < _halves.Length; i++) _halves[i] = new Half(Pinned(SmallBytes), NewEvent());
    }

    /// <summary>
    /// Copies <paramref name="bytes"/> bytes from the host to <paramref name="to"/> on the card, for the kernels that follow.
    /// </summary>
    public void Copy(nint from, nint to, long bytes)
    {
        CudaContext.RequireNoRecording();
        lock (_gate)
        {
            for (long done = 0; done < bytes;)
            {
                long part = Math.Min(bytes - done, LargeBytes);
                if (part <= SmallTransfer) Small(from + (nint)done, to + (nint)done, part);
                else Large(from + (nint)done, to + (nint)done, part);
                done += part;
            }
        }
    }

    // Two halves of a ring: one is written while the other's copies may still be under way.
    private void Small(nint from, nint to, long bytes)
    {
        Half half = _halves[_half];
        if (half.Used + bytes > SmallBytes)
        {
            _driver.Check(_driver.EventRecord(half.Emptied, _compute), "cuEventRecord");
            _half = 1 - _half;
            half = _halves[_half];
            if (half.Used > 0) _driver.Check(_driver.EventSynchronize(half.Emptied), "cuEventSynchronize");
            half.Used = 0;
        }

        nint place = half.Memory + (nint)half.Used;
        Buffer.MemoryCopy((void*)from, (void*)place, bytes, bytes);
        half.Used += (bytes + 63) / 64 * 64;
        _driver.Check(_driver.CopyIn(to, place, (nuint)bytes, _compute), "cuMemcpyHtoDAsync");
    }

    private void Large(nint from, nint to, long bytes)
    {
        _slot = (_slot + 1) % LargeSlots;
        Slot slot = _slots[_slot] ??= new Slot(Pinned(LargeBytes), OnCard(), NewEvent(), NewEvent());
        if (slot.Used) _driver.Check(_driver.EventSynchronize(slot.Arrived), "cuEventSynchronize");      // the pinned half is free again
        Buffer.MemoryCopy((void*)from, (void*)slot.Memory, LargeBytes, bytes);
        if (slot.Used) _driver.Check(_driver.StreamWaitEvent(_copies, slot.Taken, 0), "cuStreamWaitEvent");
        _driver.Check(_driver.CopyIn(slot.OnCard, slot.Memory, (nuint)bytes, _copies), "cuMemcpyHtoDAsync");
        _driver.Check(_driver.EventRecord(slot.Arrived, _copies), "cuEventRecord");
        _driver.Check(_driver.StreamWaitEvent(_compute, slot.Arrived, 0), "cuStreamWaitEvent");
        _driver.Check(_driver.CopyWithin(to, slot.OnCard, (nuint)bytes, _compute), "cuMemcpyDtoDAsync");
        _driver.Check(_driver.EventRecord(slot.Taken, _compute), "cuEventRecord");
        slot.Used = true;
    }

    private nint Pinned(long bytes)
    {
        nint memory;
        _driver.Check(_driver.AllocateHost(&memory, (nuint)bytes, 0), "cuMemHostAlloc");
        return memory;
    }

    private nint OnCard()
    {
        nint memory;
        _driver.Check(_driver.Allocate(&memory, (nuint)LargeBytes), "cuMemAlloc");
        return memory;
    }

    private nint NewEvent()
    {
        const uint WithoutTime = 2;
        nint made;
        _driver.Check(_driver.EventCreate(&made, WithoutTime), "cuEventCreate");
        return made;
    }

    private sealed class Half(nint memory, nint emptied)
    {
        public nint Memory => memory;

        public nint Emptied => emptied;

        public long Used { get; set; }
    }

    private sealed class Slot(nint memory, nint onCard, nint arrived, nint taken)
    {
        public nint Memory => memory;

        public nint OnCard => onCard;

        public nint Arrived => arrived;

        public nint Taken => taken;

        public bool Used { get; set; }
    }
}
