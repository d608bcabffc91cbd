using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>The oneDNN library of this process: which file, which version, which threading. Found once, never unloaded.</summary>
internal sealed unsafe class OneDnnRuntime
{
    /// <summary>Environment variable that names the file to load, instead of the usual names.</summary>
    public const string OverrideVariable = "ADAPTFORMER_ONEDNN";

    private const uint Sequential = 1, OpenMP = 2;

    private OneDnnRuntime(string file, NativeMethods.VersionInfo version, delegate* unmanaged<int, void> setThreads)
    {
        File = file;
        Version = $"{version.Major}.{version.Minor}.{version.Patch}";
        SetThreads = setThreads;
        Api = new OneDnnApi(version.Major);
        const int Typical = 256;
        BlockedKernels = WeightLayout.Choose(this, Typical, Typical, DataType.Float32).IsBlocked;
        BFloat16Kernel = WeightLayout.Choose(this, Typical, Typical, DataType.BFloat16).Implementation;
    }

    /// <summary>The name under which the library was found.</summary>
    public string File { get; }

    /// <summary>For example <c>2.6.3</c>.</summary>
    public string Version { get; }

    /// <summary>The engine and the calls that differ by version.</summary>
    public OneDnnApi Api { get; }

    /// <summary>Whether f32 products run in blocked (brgemm) kernels on this CPU: with AVX-512, and in late 3.x with AVX2.</summary>
    public bool BlockedKernels { get; }

    /// <summary>The same for bf16; whether these are faster than the f32 ones is another question (<see cref="BFloat16Speed"/>).</summary>
    public bool BlockedBFloat16 => BFloat16Kernel is not null;

    /// <summary>Its name of the blocked kernel for bf16 products; null if it has none for this CPU.</summary>
    public string? BFloat16Kernel { get; }

    /// <summary>omp_set_num_threads of the OpenMP library that oneDNN itself uses; null for a sequential build.</summary>
    public delegate* unmanaged<int, void> SetThreads { get; }

    /// <summary>Loads oneDNN, or says in one sentence why it cannot be used.</summary>
    public static OneDnnRuntime? TryLoad(out string why)
    {
        if (Find(out nint handle, out why) is not { } file) return null;
        if (!NativeLibrary.TryGetExport(handle, "dnnl_version", out _))
        {
            why = $"{file} is not oneDNN: it has no function dnnl_version.";
            return null;
        }

        NativeLibraries.Register(NativeMethods.Library, handle);
        NativeMethods.VersionInfo version = *NativeMethods.dnnl_version();
        string name = $"oneDNN {version.Major}.{version.Minor}.{version.Patch} ({file})";
        if (version.Major is not (2 or 3))
        {
            why = $"{name} has an interface that is not known here; versions 2.x and 3.x are.";
            return null;
        }

        delegate* unmanaged<int, void> setThreads = null;
        if (version.CpuRuntime == OpenMP)
        {
            setThreads = (delegate* unmanaged<int, void>)FindOpenMP(handle);
            if (setThreads == null) why = $"{name} uses an OpenMP library whose omp_set_num_threads was not found.";
        }
        else if (version.CpuRuntime != Sequential)
        {
            why = $"{name} is built for TBB or a thread pool, which cannot be limited to one thread a call; install a build for OpenMP.";
        }

        return why.Length == 0 ? new OneDnnRuntime(file, version, setThreads) : null;
    }

    private static string? Find(out nint handle, out string why)
    {
        why = "";
        if (Environment.GetEnvironmentVariable(OverrideVariable) is { Length: > 0 } file)
        {
            if (NativeLibrary.TryLoad(file, out handle)) return file;
            why = $"oneDNN could not be loaded from '{file}', which the environment variable {OverrideVariable} names; correct or unset "
                + "it.";
            return null;
        }

        foreach (string name in UsualNames())
        {
            if (NativeLibrary.TryLoad(name, typeof(OneDnnRuntime).Assembly, null, out handle)) return name;
        }

        handle = 0;
        why = $"oneDNN was not found ({string.Join(", ", UsualNames())}); {HowToInstall()}, or name the file in {OverrideVariable}.";
        return null;
    }

    // Debian 13 and later ship 3.x as libdnnl.so.3.6 whatever the minor version, and no libdnnl.so.3.
    private static string[] UsualNames() =>
        OperatingSystem.IsWindows() ? ["dnnl.dll"]
        : OperatingSystem.IsMacOS()
            ? ["libdnnl.3.dylib", "libdnnl.dylib", "/opt/homebrew/lib/libdnnl.dylib", "/usr/local/lib/libdnnl.dylib"]
        : ["libdnnl.so.3", "libdnnl.so.3.6", "libdnnl.so.2", "libdnnl.so"];

    private static string HowToInstall() =>
        OperatingSystem.IsWindows() ? "put dnnl.dll of an OpenMP build (conda or vcpkg: onednn) on PATH"
        : OperatingSystem.IsMacOS() ? "install it with 'brew install onednn'"
        : "install the package libdnnl3.6 or libdnnl2, whichever the release has (Debian, Ubuntu), or onednn (Fedora)";

    // A second OpenMP library would have its own limit, so it must be the one that oneDNN brought. On Linux and macOS a look-up
    // by handle searches the library's own dependencies; Windows does not, but there the module list has it.
    private static nint FindOpenMP(nint oneDnn)
    {
        const string Function = "omp_set_num_threads";
        if (NativeLibrary.TryGetExport(oneDnn, Function, out nint address)) return address;
        if (!OperatingSystem.IsWindows()) return 0;

        using Process self = Process.GetCurrentProcess();
        foreach (ProcessModule module in self.Modules)
        {
            bool isOpenMP = module.ModuleName.StartsWith("libiomp5", StringComparison.OrdinalIgnoreCase)
                || module.ModuleName.StartsWith("libomp", StringComparison.OrdinalIgnoreCase)
                || module.ModuleName.StartsWith("vcomp", StringComparison.OrdinalIgnoreCase);
            if (isOpenMP && NativeLibrary.TryLoad(module.FileName, out nint handle)
                && NativeLibrary.TryGetExport(handle, Function, out address)) return address;
        }

        return 0;
    }
}
