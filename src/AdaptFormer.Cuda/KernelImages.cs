using System.Text;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>The kernels' text, and what a card is given of it.</summary>
internal static class KernelImages
{
    private const string Prelude = "prelude.cuh";

    /// <summary>The whole text of one file of kernels.</summary>
    public static string Source(string file) => Text(Prelude)! + "\n" + Text(file + ".cu");

    /// <summary>
    /// What the driver loads: PTX that was made when this was packed, which it compiles for its card and remembers; else what NVRTC makes
    /// of the text now.
    /// </summary>
    /// <param name="file">A file of kernels.</param>
    /// <param name="compiler">Null where there is none.</param>
    /// <param name="architecture">The card's, for example <c>sm_90</c>.</param>
    /// <param name="emulated">The driver takes only what its own compiler made.</param>
    /// <exception cref="CudaException">There is neither.</exception>
    public static byte[] Image(string file, CompilerApi? compiler, string architecture, bool emulated)
    {
        if (!emulated && Text(file + ".ptx") is { } ptx) return Encoding.UTF8.GetBytes(ptx + "\0");
        if (compiler is null)
            throw new CudaException("This build has no compiled kernels, and NVRTC, which would compile them, was not found: install it "
                + $"with the CUDA toolkit or 'pip install nvidia-cuda-nvrtc-cu12', or name its folder in {CudaLibraries.Variable}.");
        return compiler.Compile(file + ".cu", Source(file), architecture).Image;
    }

    private static string? Text(string resource)
    {
        using Stream? stream = typeof(KernelImages).Assembly.GetManifestResourceStream(resource);
        if (stream is null) return null;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
