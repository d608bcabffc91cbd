using System.Runtime.InteropServices;

namespace AdaptFormer.Cuda.Native;

/// <summary>
/// A loaded library whose functions are looked up one by one. Pointers, and not declarations, since one process may have several
/// (an emulated device beside a real one), and a declaration belongs to an assembly.
/// </summary>
/// <param name="file">The name that it was loaded by.</param>
/// <param name="find">The address of a function; 0 if there is none.</param>
internal sealed class NativeFunctions(string file, Func<string, nint> find)
{
    /// <summary>The name that it was loaded by.</summary>
    public string File => file;

    /// <summary>The address of a function.</summary>
    /// <exception cref="CudaException">The library does not have it.</exception>
    public nint this[string name] => find(name) is var address and not 0
        ? address : throw new CudaException($"{file} has no function {name}: it is too old for this program, which needs CUDA 12.");

    /// <summary>Loads the first of some files that can be; null if none can.</summary>
    public static NativeFunctions? Load(IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            if (!NativeLibrary.TryLoad(file, out nint handle)) continue;
            return new NativeFunctions(file, name => NativeLibrary.TryGetExport(handle, name, out nint address) ? address : 0);
        }

        return null;
    }
}
