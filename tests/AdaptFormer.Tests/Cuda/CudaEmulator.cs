using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AdaptFormer.Cuda;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>
/// A card that the CPU stands in for: the unchanged backend and kernels, behind a library that answers for the driver, NVRTC and cuBLASLt (Emulator/). It is built by
/// g++ when it is first wanted; without g++ tests that want it are skipped.
/// </summary>
internal sealed unsafe class CudaEmulator : TestDevice
{
    private static readonly Lazy<(string? File, string Why)> Library = new(Build);
    private static readonly ConcurrentBag<CudaEmulator> Free = [];
    private static int _made;
    private readonly nint _library;

    private CudaEmulator(string file)
    {
        _library = NativeLibrary.Load(file);
        Kernels = new CudaKernels(CudaLibraries.Of(file), 0, $"emulated {Interlocked.Increment(ref _made)}");
    }

    /// <summary>The backend.</summary>
    public CudaKernels Kernels { get; }

    public override Backend Backend => Kernels;

    public override long LiveBlocks
    {
        get
        {
            Kernels.ForgetWindows();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Kernels.Context.Pool.LiveBlocks;
        }
    }

    /// <summary>What has happened so far in all devices of this library.</summary>
    public EmulatorCounters Counters
    {
        get
        {
            long[] values = Read();
            return new EmulatorCounters(values[0], values[1], values[2], values[3], values[4], values[5], values[7]);
        }
    }

    /// <summary>Bytes that the driver has given out, guards included.</summary>
    public long InUse => Read()[6];

    /// <summary>Messages that were sent to other ranks and to itself.</summary>
    public long Messages => Read()[8];

    /// <summary>The library's file; skips the test, visibly, where there is none.</summary>
    public static string File
    {
        get
        {
            if (Library.Value.File is null) Assert.Skip(Library.Value.Why);
            return Library.Value.File!;
        }
    }

    /// <summary>A device that no other test uses now.</summary>
    public static CudaEmulator Take() => Free.TryTake(out CudaEmulator? device) ? device : new CudaEmulator(File);

    /// <summary>A device in a library of its own, whose errors and memory are nobody else's.</summary>
    public static CudaEmulator Alone(string name)
    {
        string copy = Path.Combine(Path.GetDirectoryName(File)!, $"alone-{name}-{Environment.ProcessId}.so");
        System.IO.File.Copy(File, copy, overwrite: true);
        CudaEmulator device = new(copy);
        System.IO.File.Delete(copy);
        return device;
    }

    /// <summary>Forgets an error, after which a real process could not go on.</summary>
    public void Forget() => ((delegate* unmanaged<void>)NativeLibrary.GetExport(_library, "emulator_forget"))();

    /// <summary>Gives the card this much memory.</summary>
    public void SetMemory(long bytes) => ((delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(_library, "emulator_memory"))((nuint)bytes);

    private long[] Read()
    {
        long[] values = new long[9];
        fixed (long* to = values) ((delegate* unmanaged<long*, void>)NativeLibrary.GetExport(_library, "emulator_counters"))(to);
        return values;
    }

    protected override void Return() => Free.Add(this);

    private static (string? File, string Why) Build()
    {
        if (NativeSwitch.Off) return (null, $"The CUDA emulator is {NativeSwitch.Hidden}.");
        if (!OperatingSystem.IsLinux()) return (null, "The CUDA emulator runs on Linux only.");
        string folder = Path.Combine(AppContext.BaseDirectory, "Cuda", "Emulator"), source = Path.Combine(folder, "emulator.cpp");
        string file = Path.Combine(folder, $"emulator-{Convert.ToHexStringLower(SHA256.HashData(Text()))[..12]}.so");
        if (System.IO.File.Exists(file)) return (file, "");
        string made = $"{file}.{Environment.ProcessId}";

        // Of all that goes into it; the kernels' header is read when they are compiled.
        byte[] Text() => [.. System.IO.File.ReadAllBytes(source), .. System.IO.File.ReadAllBytes(Path.Combine(folder, "nccl_on_cpu.h"))];

        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("g++", ["-std=c++17", "-O2", "-fPIC", "-shared", "-o", made, source, "-ldl"]) { RedirectStandardError = true })!;
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            if (compiler.ExitCode != 0) throw new InvalidOperationException($"g++ does not compile the CUDA emulator:\n{errors}");
            System.IO.File.Move(made, file, overwrite: true);
            return (file, "");
        }
        catch (Win32Exception)
        {
            return (null, "The CUDA emulator needs g++, which is not installed.");
        }
    }
}

/// <summary>Calls of the driver and cuBLASLt, and blocks of memory that the driver has given out; waits are for a whole stream, asked launches
/// those that were asked for one by one.</summary>
internal sealed record EmulatorCounters(long Allocations, long Launches, long Products, long Blocks, long Waits, long Graphs, long Asked);
