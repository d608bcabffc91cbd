using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>
/// NVIDIA cards as devices of tensors. <c>using (Backend.Use(CudaDevice.Open().Backend))</c> makes what is then created, and computed from
/// it, lie and run on a card.
/// </summary>
public static class CudaDevice
{
    private static readonly Lock Gate = new(), PlanGate = new();
    private static readonly Dictionary<int, Device> Opened = [];
    private static readonly Lazy<(CudaKernels Kernels, long Bytes)> Planned = new(OpenPlanned);
    private static readonly Lazy<(CudaLibraries? Libraries, string Why)> Found =
        new(static () => (CudaLibraries.Find(out string why), why));

    /// <summary>What is here, without taking a card.</summary>
    public static CudaProbe Probe()
    {
        try
        {
            return Found.Value.Libraries is { } libraries
                ? CudaProbe.Of(libraries) : new CudaProbe([], null, null, null, null, Found.Value.Why);
        }
        catch (CudaException error)
        {
            return new CudaProbe([], null, null, null, null, error.Message);
        }
    }

    /// <summary>The device <c>cuda:n</c>; the same one every time.</summary>
    /// <param name="ordinal">n, the number of the card.</param>
    /// <exception cref="CudaException">There is no driver, no cuBLASLt, no such card, or it is older than compute capability
    /// 8.0.</exception>
    public static Device Open(int ordinal = 0)
    {
        lock (Gate)
        {
            if (Opened.TryGetValue(ordinal, out Device? device)) return device;
            CudaLibraries libraries = Found.Value.Libraries ?? throw new CudaException(Found.Value.Why);
            return Opened[ordinal] = new CudaKernels(libraries, ordinal, $"cuda:{ordinal}").Device;
        }
    }

    /// <summary>
    /// The memory that work would take on a card at its highest point, found by doing it on a card that is not there: nothing is computed,
    /// no card and no driver is needed. What the driver and cuBLASLt take for their own code comes on top.
    /// </summary>
    /// <param name="work">Makes its tensors on the current device and computes with them; every number that it reads there is 0. It does
    /// all that takes memory: a training step twice, as the second one may need what the first did not.</param>
    /// <returns>Bytes, rounded up to whole blocks as on a card.</returns>
    public static long MemoryOf(Action work)
    {
        lock (PlanGate)
        {
            (CudaKernels kernels, long own) = Planned.Value;
            kernels.Context.Pool.Trim();
            PlannedCard.StartPeak();
            long before = PlannedCard.Bytes;
            using (Backend.Use(kernels)) work();
            return own + PlannedCard.PeakBytes - before;
        }
    }

    /// <summary>Memory of a card that is free now, for this program and others.</summary>
    /// <param name="device">A card, as <see cref="Open"/> gives it.</param>
    /// <exception cref="ArgumentException">It is no card.</exception>
    public static long FreeBytes(Device device) => device.Backend is CudaKernels kernels
        ? kernels.Context.FreeBytes : throw new ArgumentException($"CudaDevice.FreeBytes: {device} is no card.", nameof(device));

    private static (CudaKernels Kernels, long Bytes) OpenPlanned()
    {
        CudaKernels kernels = new(CudaLibraries.Planned, 0, "planned");
        using (Backend.Use(kernels))
        {
            float[] numbers = new float[1 << 17];       // a large upload has a block of its own on the card, the second one another
            for (int i = 0; i < 2; i++) Tensor.From(numbers, new Shape(numbers.Length)).Dispose();
        }

        kernels.Context.Pool.Trim();
        return (kernels, PlannedCard.Bytes);        // uploads' blocks and the products' workspace
    }
}
