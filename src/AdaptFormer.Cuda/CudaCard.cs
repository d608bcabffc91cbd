using System.Runtime.InteropServices;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>A card as its driver describes it.</summary>
/// <param name="Ordinal">Its number, from 0.</param>
/// <param name="Name">For example <c>NVIDIA H200</c>.</param>
/// <param name="Major">Compute capability, before the point.</param>
/// <param name="Minor">Compute capability, after the point.</param>
/// <param name="MemoryBytes">Its memory.</param>
public sealed record CudaCard(int Ordinal, string Name, int Major, int Minor, long MemoryBytes)
{
    /// <summary>Asks the driver, which has been initialised.</summary>
    /// <exception cref="CudaException">There is no such card.</exception>
    internal static unsafe CudaCard Read(DriverApi driver, int ordinal)
    {
        int count, device, major, minor;
        nuint bytes;
        byte* name = stackalloc byte[256];
        driver.Check(driver.DeviceCount(&count), "cuDeviceGetCount");
        if (ordinal < 0 || ordinal >= count)
            throw new CudaException(count == 0 ? "The NVIDIA driver is here, but it shows no card; see nvidia-smi and CUDA_VISIBLE_DEVICES."
                : $"There is no cuda:{ordinal}; this machine has {(count == 1 ? "cuda:0" : $"cuda:0 to cuda:{count - 1}")}.");
        driver.Check(driver.DeviceGet(&device, ordinal), "cuDeviceGet");
        driver.Check(driver.DeviceName(name, 256, device), "cuDeviceGetName");
        driver.Check(driver.DeviceAttribute(&major, DriverApi.MajorCapability, device), "cuDeviceGetAttribute");
        driver.Check(driver.DeviceAttribute(&minor, DriverApi.MinorCapability, device), "cuDeviceGetAttribute");
        driver.Check(driver.DeviceMemory(&bytes, device), "cuDeviceTotalMem");
        return new CudaCard(ordinal, Marshal.PtrToStringUTF8((nint)name)!, major, minor, (long)bytes);
    }
}
