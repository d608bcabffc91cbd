using System.Runtime.InteropServices;
using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Cuda;

/// <summary>
/// NVIDIA's libraries on this machine: the driver, cuBLASLt, and NVRTC, which compiles the kernels.
/// </summary>
internal sealed class CudaLibraries
{
    /// <summary>Environment variable with the folder of cuBLASLt and NVRTC, or a file that answers for the driver too.</summary>
    public const string Variable = "ADAPTFORMER_CUDA";

    private static readonly int[] Majors = [13, 12];

    private readonly Lazy<CollectiveApi?> _collectives;

    private CudaLibraries(
        NativeFunctions driver, NativeFunctions products, NativeFunctions? compiler, Func<NativeFunctions?> findCollectives)
    {
        _collectives = new Lazy<CollectiveApi?>(() => findCollectives() is { } found ? new CollectiveApi(found) : null);
        (Driver, Products) = (new DriverApi(driver), new ProductApi(products));
        Compiler = compiler is null ? null : new CompilerApi(compiler);
    }

    public DriverApi Driver { get; }

    /// <summary>Whether one file answers for all of them, which no real driver does.</summary>
    public bool IsEmulated => Driver.File == Products.File && !IsPlanned;

    public ProductApi Products { get; }

    /// <summary>Null where there is none.</summary>
    public CompilerApi? Compiler { get; }

    /// <summary>Those of a card that is not there, which computes nothing.</summary>
    public static CudaLibraries Planned => new(PlannedCard.Library, PlannedCard.Library, null, () => null) { IsPlanned = true };

    /// <summary>Whether the card is not there.</summary>
    public bool IsPlanned { get; private init; }

    /// <summary>NCCL, looked for when it is first asked for; null where there is none.</summary>
    public CollectiveApi? Collectives => _collectives.Value;

    /// <summary>All from one file.</summary>
    /// <exception cref="CudaException">It cannot be loaded.</exception>
    public static CudaLibraries Of(string file)
    {
        NativeFunctions all = NativeFunctions.Load([file])
            ?? throw new CudaException($"{file} could not be loaded as the CUDA libraries (environment variable {Variable}).");
        return new CudaLibraries(all, all, all, () => all);
    }

    /// <summary>Looks for the libraries.</summary>
    /// <param name="why">Why there are none, in a sentence with the way out.</param>
    /// <returns>Null if the driver or cuBLASLt is not there.</returns>
    public static CudaLibraries? Find(out string why)
    {
        why = "";
        if (NativeSwitch.Off)
        {
            why = $"CUDA is {NativeSwitch.Hidden}.";
            return null;
        }

        string? named = Environment.GetEnvironmentVariable(Variable);
        if (File.Exists(named)) return Of(named);
        if (NativeFunctions.Load([OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1"]) is not { } driver)
        {
            why = "No NVIDIA driver was found (libcuda.so.1, nvcuda.dll): there is no NVIDIA card here, or its driver is not installed.";
            return null;
        }

        string[] folders = [.. Folders(named)];
        if (NativeFunctions.Load(Files(folders, Products12And13)) is not { } products)
        {
            why = $"An NVIDIA driver is here, but not cuBLASLt ({string.Join(", ", Products12And13)}): install it with the CUDA toolkit or "
                + $"'pip install nvidia-cublas-cu12', or name its folder in {Variable}.";
            return null;
        }

        return new CudaLibraries(
            driver, products, FindCompiler(folders), () => NativeFunctions.Load(Files(folders, ["libnccl.so.2"])));
    }

    /// <summary>NVRTC alone, which needs no card; null where there is none.</summary>
    public static CompilerApi? FindCompiler() =>
        !NativeSwitch.Off && FindCompiler([.. Folders(Environment.GetEnvironmentVariable(Variable))]) is { } compiler
            ? new CompilerApi(compiler) : null;

    // It loads a second library by name, which the system finds only where it looks by itself, unless it is loaded already.
    private static NativeFunctions? FindCompiler(string[] folders)
    {
        foreach (string file in Files(folders, Compilers12And13))
        {
            string folder = Path.GetDirectoryName(file) ?? "";
            foreach (string builtins in folder.Length == 0
                ? [] : Directory.GetFiles(folder, "*nvrtc-builtins*")) NativeLibrary.TryLoad(builtins, out _);
            if (NativeFunctions.Load([file]) is { } compiler) return compiler;
        }

        return null;
    }

    private static string[] Products12And13 =>
        [.. Majors.Select(major => OperatingSystem.IsWindows() ? $"cublasLt64_{major}.dll" : $"libcublasLt.so.{major}")];

    private static string[] Compilers12And13 =>
        [.. Majors.Select(major => OperatingSystem.IsWindows() ? $"nvrtc64_{major}0_0.dll" : $"libnvrtc.so.{major}")];

    // The variable's folder alone where it is set; else what the system finds by itself, and then the places that are known.
    private static IEnumerable<string> Files(string[] folders, string[] names) =>
        from folder in folders
        from name in names
        let file = folder.Length == 0 ? name : Path.Combine(folder, name)
        where folder.Length == 0 || File.Exists(file)
        select file;

    /// <summary>Folders to look in; an empty one stands for the system's own search.</summary>
    internal static IEnumerable<string> Folders(string? named)
    {
        if (!string.IsNullOrEmpty(named)) return [named];
        string[] toolkits = [.. new[] { "CUDA_PATH", "CUDA_HOME" }.Select(Environment.GetEnvironmentVariable).OfType<string>(),
            "/usr/local/cuda"];
        return
        [
            "",
            .. toolkits.SelectMany(root =>
                (string[])[Path.Combine(root, "lib64"), Path.Combine(root, "bin"), Path.Combine(root, "bin", "x64")]),
            .. SitePackages().SelectMany(InWheels),
        ];
    }

    /// <summary>
    /// Where the wheels of PyTorch and NVIDIA put the libraries: nvidia/cublas/lib, nvidia/cuda_nvrtc/lib, nvidia/cu13/lib.
    /// </summary>
    internal static IEnumerable<string> InWheels(string sitePackages)
    {
        string nvidia = Path.Combine(sitePackages, "nvidia");
        foreach (string part in new[] { "cu13", "cublas", "cuda_nvrtc", "nccl" })
        {
            foreach (string folder in new[] { "lib", "bin", Path.Combine("bin", "x86_64") }) yield return Path.Combine(nvidia, part,
                folder);
        }

        yield return Path.Combine(sitePackages, "torch", "lib");
    }

    private static IEnumerable<string> SitePackages()
    {
        string?[] environments = [Environment.GetEnvironmentVariable("VIRTUAL_ENV"), Environment.GetEnvironmentVariable("CONDA_PREFIX")];
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] roots = [.. environments.OfType<string>(), Path.Combine(home, ".local"), "/usr/local", "/usr", "/opt/conda"];
        foreach (string root in roots)
        {
            yield return Path.Combine(root, "Lib", "site-packages");
            string lib = Path.Combine(root, "lib");
            string[] versions = [];
            try
            {
                versions = Directory.Exists(lib) ? Directory.GetDirectories(lib, "python3*") : [];
            }
            catch (UnauthorizedAccessException)
            {
                // a folder that this user may not list holds nothing for this user
            }

            foreach (string version in versions.OrderDescending(StringComparer.Ordinal))
            {
                yield return Path.Combine(version, "site-packages");
                yield return Path.Combine(version, "dist-packages");
            }
        }
    }
}
