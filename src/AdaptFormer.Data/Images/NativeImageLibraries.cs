using System.Reflection;
using System.Runtime.InteropServices;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Data.Images;

/// <summary>Whether an optional native library was found, and what to do if not.</summary>
/// <param name="Name">The library, for example <c>libturbojpeg</c>.</param>
/// <param name="Purpose">What needs it.</param>
/// <param name="Found">Whether it could be loaded.</param>
/// <param name="Path">The file that was loaded; null if none.</param>
/// <param name="Version">Its version as far as it tells; null if unknown or not found.</param>
/// <param name="Install">How to install it on this system.</param>
public sealed record NativeLibraryInfo(string Name, string Purpose, bool Found, string? Path, string? Version, string Install);

/// <summary>
/// Finds the native image decoders at run time. TurboJPEG and libwebp are optional: where they are not installed, or hidden by
/// setting the environment variable ADAPTFORMER_NATIVE to <c>off</c>, SkiaSharp, whose native part comes with the package, takes their
/// place.
/// </summary>
public static class NativeImageLibraries
{
    internal const string TurboJpeg = "turbojpeg";
    internal const string WebP = "webp";

    private static readonly Lazy<(nint Handle, string? Path)> TurboJpegLibrary = new(() => Probe(
        ["libturbojpeg.so.0", "libturbojpeg.so"],
        ["libturbojpeg.0.dylib", "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
            "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.0.dylib"],
        ["turbojpeg.dll", "libturbojpeg.dll", @"C:\libjpeg-turbo64\bin\turbojpeg.dll"]));

    private static readonly Lazy<(nint Handle, string? Path)> WebPLibrary = new(() => Probe(
        ["libwebp.so.7", "libwebp.so"],
        ["libwebp.7.dylib", "/opt/homebrew/opt/webp/lib/libwebp.7.dylib", "/usr/local/opt/webp/lib/libwebp.7.dylib"],
        ["libwebp.dll", "webp.dll"]));

    static NativeImageLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeImageLibraries).Assembly, Resolve);

    /// <summary>State of every native library that image decoding can use.</summary>
    public static IReadOnlyList<NativeLibraryInfo> Describe() =>
    [
        Info("libturbojpeg", "reading JPEG faster", TurboJpegLibrary.Value, InstallTurboJpeg,
            h => NativeLibrary.TryGetExport(h, "tj3Init", out _) ? "3.x" : "2.x"),
        Info("libwebp", "reading WebP faster", WebPLibrary.Value, InstallWebP, _ => LibWebP.Version()),
        SkiaPictures.Describe(),
    ];

    /// <summary>Whether libturbojpeg is there.</summary>
    internal static bool HasTurboJpeg => TurboJpegLibrary.Value.Handle != 0;

    /// <summary>Whether libwebp is there.</summary>
    internal static bool HasWebP => WebPLibrary.Value.Handle != 0;

    internal static string InstallTurboJpeg => OperatingSystem.IsWindows() ? "winget install libjpeg-turbo.libjpeg-turbo.VC"
        : OperatingSystem.IsMacOS() ? "brew install jpeg-turbo"
        : "apt-get install libturbojpeg0 (Debian, Ubuntu), dnf install turbojpeg (Fedora)";

    private static string InstallWebP => OperatingSystem.IsWindows() ? "vcpkg install libwebp, then put libwebp.dll on PATH"
        : OperatingSystem.IsMacOS() ? "brew install webp"
        : "apt-get install libwebp7 (Debian, Ubuntu), dnf install libwebp (Fedora)";

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) => library switch
    {
        TurboJpeg => TurboJpegLibrary.Value.Handle,
        WebP => WebPLibrary.Value.Handle,
        _ => 0,
    };

    private static (nint Handle, string? Path) Probe(string[] linux, string[] mac, string[] windows)
    {
        if (NativeSwitch.Off) return (0, null);
        foreach (string candidate in OperatingSystem.IsWindows() ? windows : OperatingSystem.IsMacOS() ? mac : linux)
        {
            if (NativeLibrary.TryLoad(candidate, typeof(NativeImageLibraries).Assembly, null, out nint handle))
                return (handle, LoadedPath(candidate));
        }

        return (0, null);
    }

    /// <summary>The mapped file behind a library name where the system tells (Linux); elsewhere the name that worked.</summary>
    private static string LoadedPath(string candidate)
    {
        const string Maps = "/proc/self/maps";
        if (!File.Exists(Maps)) return candidate;
        string stem = candidate.Split(".so")[0];
        return File.ReadLines(Maps).Select(line => line[(line.IndexOf('/') is var at && at < 0 ? line.Length : at)..])
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(stem + ".so", StringComparison.Ordinal)) ?? candidate;
    }

    private static NativeLibraryInfo Info(
        string name, string purpose, (nint Handle, string? Path) library, string install, Func<nint, string> version) =>
        new(name, purpose, library.Handle != 0, library.Path, library.Handle == 0 ? null : version(library.Handle), install);
}
