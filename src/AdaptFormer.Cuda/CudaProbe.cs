using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>NVIDIA's cards and libraries on this machine.</summary>
/// <param name="Cards">The cards; none if something is missing.</param>
/// <param name="DriverVersion">The CUDA version of the driver, for example <c>12.4</c>; null without a driver.</param>
/// <param name="Driver">The driver's library.</param>
/// <param name="Products">cuBLASLt.</param>
/// <param name="Compiler">NVRTC and its version; null where there is none.</param>
/// <param name="Why">What is missing, and the way out; null when cards can be used.</param>
public sealed record CudaProbe(
    IReadOnlyList<CudaCard> Cards, string? DriverVersion, string? Driver, string? Products, string? Compiler, string? Why)
{
    /// <summary>Whether the kernels came compiled with the program, so that NVRTC is not needed.</summary>
    public static bool KernelsPacked => KernelImages.ArePacked;

    internal static unsafe CudaProbe Of(CudaLibraries libraries)
    {
        DriverApi driver = libraries.Driver;
        driver.Check(driver.Init(0), "cuInit");
        int version, count;
        driver.Check(driver.DriverVersion(&version), "cuDriverGetVersion");
        driver.Check(driver.DeviceCount(&count), "cuDeviceGetCount");
        CudaCard[] cards = [.. Enumerable.Range(0, count).Select(i => CudaCard.Read(driver, i))];
        string? compiler = libraries.Compiler is { } c ? $"{c.File} ({c.Version})" : null;
        return new CudaProbe(cards, $"{version / 1000}.{version % 1000 / 10}", driver.File, libraries.Products.File, compiler,
            count > 0 ? null : "The NVIDIA driver is here, but it shows no card; see nvidia-smi and CUDA_VISIBLE_DEVICES.");
    }
}
