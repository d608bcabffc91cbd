using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>The kernels' text, and what a card is given of it.</summary>
internal static class KernelImages
{
    private const string Prelude = "prelude.cuh";

    /// <summary>The whole text of one file of kernels.</summary>
    public static string Source(string file) => Text(Prelude) + "\n" + Text(file + ".cu");

    /// <summary>What the driver loads: what NVRTC makes of the text for its card.</summary>
    /// <param name="file">A file of kernels.</param>
    /// <param name="compiler">Null where there is none.</param>
    /// <param name="architecture">The card's, for example <c>sm_90</c>.</param>
    /// <exception cref="CudaException">There is no compiler.</exception>
    public static byte[] Image(string file, CompilerApi? compiler, string architecture)
    {
        if (compiler is null)
            throw new CudaException("NVRTC, which compiles the kernels for the card, was not found: install it "
                + $"with the CUDA toolkit or 'pip install nvidia-cuda-nvrtc-cu12', or name its folder in {CudaLibraries.Variable}.");
        return compiler.Compile(file + ".cu", Source(file), architecture).Image;
    }

    private static string Text(string resource)
    {
        using StreamReader reader = new(typeof(KernelImages).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
