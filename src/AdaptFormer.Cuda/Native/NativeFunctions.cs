using System.Runtime.InteropServices;

namespace AdaptFormer.Cuda.Native;

/// <summary>
/// A loaded library whose functions are looked up one by one. Pointers, and not declarations, since one process may have several
/// (an emulated device beside a real one), and a declaration belongs to an assembly.
/// </summary>
internal sealed class NativeFunctions(string file, nint handle)
{
    /// <summary>The name that it was loaded by.</summary>
    public string File => file;

    /// <summary>The address of a function.</summary>
    /// <exception cref="CudaException">The library does not have it.</exception>
    public nint this[string name] => NativeLibrary.TryGetExport(handle, name, out nint address)
        ? address : throw new CudaException($"{file} has no function {name}: it is too old for this program, which needs CUDA 12.");

    /// <summary>Loads the first of some files that can be; null if none can.</summary>
    public static NativeFunctions? Load(IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            if (NativeLibrary.TryLoad(file, out nint handle)) return new NativeFunctions(file, handle);
        }

        return null;
    }
}
