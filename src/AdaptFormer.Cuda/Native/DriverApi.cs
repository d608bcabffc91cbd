using System.Runtime.InteropServices;

namespace AdaptFormer.Cuda.Native;

/// <summary>The functions of the driver (libcuda, nvcuda.dll) that the backend calls. Each returns a CUresult, 0 for success.</summary>
internal sealed unsafe class DriverApi(NativeFunctions library)
{
    /// <summary>CUresult of a device without room.</summary>
    public const int OutOfMemory = 2;

    /// <summary>CUresult of an event that has not come yet.</summary>
    public const int NotReady = 600;

    /// <summary>CUresult of PTX that is newer than the driver.</summary>
    public const int UnsupportedPtx = 222;

    /// <summary>Numbers of CUdevice_attribute.</summary>
    public const int MultiprocessorCount = 16, MajorCapability = 75, MinorCapability = 76;

    private readonly delegate* unmanaged<int, byte**, int> _errorName = (delegate* unmanaged<int, byte**, int>)library["cuGetErrorName"];
    private readonly delegate* unmanaged<int, byte**, int> _errorText = (delegate* unmanaged<int, byte**, int>)library["cuGetErrorString"];

    public readonly delegate* unmanaged<uint, int> Init = (delegate* unmanaged<uint, int>)library["cuInit"];
    public readonly delegate* unmanaged<int*, int> DriverVersion = (delegate* unmanaged<int*, int>)library["cuDriverGetVersion"];
    public readonly delegate* unmanaged<int*, int> DeviceCount = (delegate* unmanaged<int*, int>)library["cuDeviceGetCount"];
    public readonly delegate* unmanaged<int*, int, int> DeviceGet = (delegate* unmanaged<int*, int, int>)library["cuDeviceGet"];
    public readonly delegate* unmanaged<byte*, int, int, int> DeviceName =
        (delegate* unmanaged<byte*, int, int, int>)library["cuDeviceGetName"];
    public readonly delegate* unmanaged<int*, int, int, int> DeviceAttribute =
        (delegate* unmanaged<int*, int, int, int>)library["cuDeviceGetAttribute"];
    public readonly delegate* unmanaged<nuint*, int, int> DeviceMemory =
        (delegate* unmanaged<nuint*, int, int>)library["cuDeviceTotalMem_v2"];
    public readonly delegate* unmanaged<nint*, int, int> RetainContext =
        (delegate* unmanaged<nint*, int, int>)library["cuDevicePrimaryCtxRetain"];
    public readonly delegate* unmanaged<nint, int> SetContext = (delegate* unmanaged<nint, int>)library["cuCtxSetCurrent"];
    public readonly delegate* unmanaged<nuint*, nuint*, int> MemoryInfo =
        (delegate* unmanaged<nuint*, nuint*, int>)library["cuMemGetInfo_v2"];

    public readonly delegate* unmanaged<nint*, uint, int> StreamCreate = (delegate* unmanaged<nint*, uint, int>)library["cuStreamCreate"];
    public readonly delegate* unmanaged<nint, int> StreamSynchronize = (delegate* unmanaged<nint, int>)library["cuStreamSynchronize"];
    public readonly delegate* unmanaged<nint, nint, uint, int> StreamWaitEvent =
        (delegate* unmanaged<nint, nint, uint, int>)library["cuStreamWaitEvent"];
    public readonly delegate* unmanaged<nint*, uint, int> EventCreate = (delegate* unmanaged<nint*, uint, int>)library["cuEventCreate"];
    public readonly delegate* unmanaged<nint, nint, int> EventRecord = (delegate* unmanaged<nint, nint, int>)library["cuEventRecord"];
    public readonly delegate* unmanaged<nint, int> EventQuery = (delegate* unmanaged<nint, int>)library["cuEventQuery"];
    public readonly delegate* unmanaged<nint, int> EventSynchronize = (delegate* unmanaged<nint, int>)library["cuEventSynchronize"];

    public readonly delegate* unmanaged<nint*, nuint, int> Allocate = (delegate* unmanaged<nint*, nuint, int>)library["cuMemAlloc_v2"];
    public readonly delegate* unmanaged<nint, int> Free = (delegate* unmanaged<nint, int>)library["cuMemFree_v2"];
    public readonly delegate* unmanaged<nint*, nuint, uint, int> AllocateHost =
        (delegate* unmanaged<nint*, nuint, uint, int>)library["cuMemHostAlloc"];
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> CopyIn =
        (delegate* unmanaged<nint, nint, nuint, nint, int>)library["cuMemcpyHtoDAsync_v2"];
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> CopyOut =
        (delegate* unmanaged<nint, nint, nuint, nint, int>)library["cuMemcpyDtoHAsync_v2"];
    public readonly delegate* unmanaged<nint, nint, nuint, nint, int> CopyWithin =
        (delegate* unmanaged<nint, nint, nuint, nint, int>)library["cuMemcpyDtoDAsync_v2"];
    public readonly delegate* unmanaged<nint, byte, nuint, nint, int> FillBytes =
        (delegate* unmanaged<nint, byte, nuint, nint, int>)library["cuMemsetD8Async"];

    public readonly delegate* unmanaged<nint*, byte*, int> LoadModule = (delegate* unmanaged<nint*, byte*, int>)library["cuModuleLoadData"];
    public readonly delegate* unmanaged<nint*, nint, byte*, int> GetFunction =
        (delegate* unmanaged<nint*, nint, byte*, int>)library["cuModuleGetFunction"];
    public readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> Launch =
        (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)library["cuLaunchKernel"];

    public readonly delegate* unmanaged<nint, int, int> BeginCapture =
        (delegate* unmanaged<nint, int, int>)library["cuStreamBeginCapture_v2"];
    public readonly delegate* unmanaged<nint, nint*, int> EndCapture = (delegate* unmanaged<nint, nint*, int>)library["cuStreamEndCapture"];
    public readonly delegate* unmanaged<nint*, nint, ulong, int> GraphInstantiate =
        (delegate* unmanaged<nint*, nint, ulong, int>)library["cuGraphInstantiateWithFlags"];
    public readonly delegate* unmanaged<nint, nint, int> GraphLaunch = (delegate* unmanaged<nint, nint, int>)library["cuGraphLaunch"];
    public readonly delegate* unmanaged<nint, int> GraphExecDestroy = (delegate* unmanaged<nint, int>)library["cuGraphExecDestroy"];
    public readonly delegate* unmanaged<nint, int> GraphDestroy = (delegate* unmanaged<nint, int>)library["cuGraphDestroy"];

    /// <summary>The name of the file.</summary>
    public string File => library.File;

    /// <summary>Throws what a call's result says.</summary>
    /// <exception cref="CudaException">It was not 0.</exception>
    public void Check(int code, string call)
    {
        if (code == 0) return;
        byte* name = null, text = null;
        _errorName(code, &name);
        _errorText(code, &text);
        throw new CudaException($"CUDA: {call} failed with {Marshal.PtrToStringUTF8((nint)name) ?? $"error {code}"}"
            + $"{(text == null ? "" : $" ({Marshal.PtrToStringUTF8((nint)text)})")}.");
    }
}
