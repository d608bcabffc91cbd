using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>
/// NVIDIA cards as devices of tensors. <c>using (Backend.Use(CudaDevice.Open().Backend))</c> makes what is then created, and computed from
/// it, lie and run on a card.
/// </summary>
public static class CudaDevice
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<int, Device> Opened = [];
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
}
