using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda.Memory;

/// <summary>The way of few numbers from the card to the host: page-locked buffers that are filled while kernels run.</summary>
/// <param name="driver">The driver.</param>
internal sealed unsafe class Readbacks(DriverApi driver)
{
    private const long SmallestBytes = 4 << 10;
    private readonly Lock _gate = new();
    private readonly List<Slot> _free = [];

    /// <summary>Starts a copy behind what is in <paramref name="stream"/>.</summary>
    public Readback Start(nint from, int count, nint stream)
    {
        long bytes = count * (long)sizeof(float);
        Slot? slot;
        lock (_gate)
        {
            slot = _free.Find(waiting => waiting.Bytes >= bytes);
            if (slot is not null) _free.Remove(slot);
        }

        slot ??= NewSlot(Math.Max(bytes, SmallestBytes));
        driver.Check(driver.CopyOut(slot.Memory, from, (nuint)bytes, stream), "cuMemcpyDtoHAsync");
        driver.Check(driver.EventRecord(slot.Arrived, stream), "cuEventRecord");
        return new Started(this, slot, count);
    }

    private Slot NewSlot(long bytes)
    {
        const uint WithoutTime = 2;
        nint memory, arrived;
        driver.Check(driver.AllocateHost(&memory, (nuint)bytes, 0), "cuMemHostAlloc");
        driver.Check(driver.EventCreate(&arrived, WithoutTime), "cuEventCreate");
        return new Slot(memory, bytes, arrived);
    }

    private float[] Take(Slot slot, int count)
    {
        driver.Check(driver.EventSynchronize(slot.Arrived), "cuEventSynchronize");
        float[] values = new Span<float>((void*)slot.Memory, count).ToArray();
        lock (_gate) _free.Add(slot);
        return values;
    }

    private sealed record Slot(nint Memory, long Bytes, nint Arrived);

    private sealed class Started(Readbacks all, Slot slot, int count) : Readback
    {
        public override float[] Take() => all.Take(slot, count);
    }
}
