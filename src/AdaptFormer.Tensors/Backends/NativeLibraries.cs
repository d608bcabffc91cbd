using System.Reflection;
using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// Which loaded library answers for each name in this assembly's <c>LibraryImport</c> declarations. The runtime allows one
/// resolver per assembly, so every optional native library of the engine registers here, after it has found its file.
/// </summary>
internal static class NativeLibraries
{
    private static readonly Dictionary<string, nint> Handles = [];
    private static bool _installed;

    /// <summary>Binds <paramref name="name"/> to a loaded library; must come before the first call of any of its functions.</summary>
    public static void Register(string name, nint handle)
    {
        lock (Handles)
        {
            Handles[name] = handle;
            if (_installed) return;
            NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
            _installed = true;
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        lock (Handles) return Handles.GetValueOrDefault(name);
    }
}
