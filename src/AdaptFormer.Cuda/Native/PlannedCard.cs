using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AdaptFormer.Cuda.Native;

/// <summary>
/// Answers for the driver, cuBLASLt and the kernels of a card that is not there: nothing is computed, and memory is counted. The unchanged
/// backend on it finds out what work would need.
/// </summary>
internal static unsafe class PlannedCard
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, long> Blocks = [];
    private static readonly Dictionary<string, nint> Functions = Table();
    private static nint _next = 1 << 20;

    /// <summary>Bytes that are given out.</summary>
    public static long Bytes { get; private set; }

    /// <summary>The most that were, since <see cref="StartPeak"/>.</summary>
    public static long PeakBytes { get; private set; }

    /// <summary>The libraries of the card.</summary>
    public static NativeFunctions Library { get; } = new("a card that is not there", name => Functions.GetValueOrDefault(name));

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/>.</summary>
    public static void StartPeak() => PeakBytes = Bytes;

    private static Dictionary<string, nint> Table()
    {
        nint nothing = (nint)(delegate* unmanaged<int>)&Nothing;
        nint handle = (nint)(delegate* unmanaged<nint*, int>)&Handle;
        Dictionary<string, nint> all = new()
        {
            ["cuDeviceGetCount"] = (nint)(delegate* unmanaged<int*, int>)&One,
            ["cuDriverGetVersion"] = (nint)(delegate* unmanaged<int*, int>)&Version,
            ["cuDeviceGet"] = (nint)(delegate* unmanaged<int*, int, int>)&First,
            ["cuDeviceGetAttribute"] = (nint)(delegate* unmanaged<int*, int, int, int>)&Capability,
            ["cuDeviceGetName"] = (nint)(delegate* unmanaged<byte*, int, int, int>)&Name,
            ["cuDeviceTotalMem_v2"] = (nint)(delegate* unmanaged<nuint*, int, int>)&Total,
            ["cuMemAlloc_v2"] = (nint)(delegate* unmanaged<nint*, nuint, int>)&Allocate,
            ["cuMemFree_v2"] = (nint)(delegate* unmanaged<nint, int>)&Free,
            ["cuMemHostAlloc"] = (nint)(delegate* unmanaged<nint*, nuint, uint, int>)&AllocateHost,
            ["cublasLtMatmulAlgoGetHeuristic"] =
                (nint)(delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, byte*, int*, int>)&Heuristic,
        };
        string[] givers =
        [
            "cuDevicePrimaryCtxRetain", "cuStreamCreate", "cuEventCreate", "cuModuleLoadData", "cuModuleGetFunction", "cublasLtCreate",
            "cublasLtMatrixLayoutCreate", "cublasLtMatmulDescCreate", "cublasLtMatmulPreferenceCreate", "cuStreamEndCapture",
            "cuGraphInstantiateWithFlags",
        ];
        string[] silent =
        [
            "cuInit", "cuGetErrorName", "cuGetErrorString", "cuCtxSetCurrent", "cuMemGetInfo_v2", "cuStreamSynchronize",
            "cuStreamWaitEvent", "cuEventRecord", "cuEventSynchronize", "cuEventQuery", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
            "cuMemcpyDtoDAsync_v2", "cuMemsetD8Async", "cuLaunchKernel", "cublasLtMatrixLayoutSetAttribute",
            "cublasLtMatmulDescSetAttribute", "cublasLtMatmulPreferenceSetAttribute", "cublasLtMatmulPreferenceDestroy",
            "cublasLtMatmul", "cuStreamBeginCapture_v2", "cuGraphLaunch", "cuGraphExecDestroy", "cuGraphDestroy",
        ];
        foreach (string name in givers) all[name] = handle;
        foreach (string name in silent) all[name] = nothing;
        return all;
    }

    // Stands for calls whose arguments it need not see: the caller of a C function takes them away itself.
    [UnmanagedCallersOnly]
    private static int Nothing() => 0;

    [UnmanagedCallersOnly]
    private static int Handle(nint* made)
    {
        *made = 1;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int One(int* count)
    {
        *count = 1;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Version(int* version)
    {
        *version = 12000;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int First(int* device, int ordinal)
    {
        *device = ordinal;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Capability(int* value, int attribute, int device)
    {
        *value = attribute == DriverApi.MajorCapability ? 8 : 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Name(byte* name, int length, int device)
    {
        *name = 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Total(nuint* bytes, int device)
    {
        *bytes = 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Allocate(nint* address, nuint bytes)
    {
        lock (Gate)
        {
            *address = _next;
            Blocks[_next] = (long)bytes;
            _next += ((nint)bytes + 511) / 512 * 512;
            Bytes += (long)bytes;
            PeakBytes = Math.Max(PeakBytes, Bytes);
            return 0;
        }
    }

    [UnmanagedCallersOnly]
    private static int Free(nint address)
    {
        lock (Gate)
        {
            if (Blocks.Remove(address, out long bytes)) Bytes -= bytes;
            return 0;
        }
    }

    [UnmanagedCallersOnly]
    private static int AllocateHost(nint* memory, nuint bytes, uint flags)
    {
        *memory = (nint)NativeMemory.Alloc(bytes);      // pages that nothing is copied to take no memory
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Heuristic(
        nint handle, nint desc, nint a, nint b, nint c, nint d, nint preference, int wanted, byte* results, int* found)
    {
        *found = 1;
        return 0;
    }
}
