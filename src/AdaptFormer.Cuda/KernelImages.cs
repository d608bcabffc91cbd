using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>The kernels' text, and what a card is given of it.</summary>
internal static class KernelImages
{
    private const string Prelude = "prelude.cuh";

    /// <summary>The whole text of one file of kernels.</summary>
    public static string Source(string file) => Text(Prelude) + "\n" + Text(file + ".cu");

    /// <summary>PTX of a file of kernels, made when the program was packed (tools/gpu/ptx.sh); null where it was not.</summary>
    public static byte[]? Ptx(string file)
    {
        using Stream? stream = typeof(KernelImages).Assembly.GetManifestResourceStream(file + ".ptx");
        if (stream is null) return null;
        byte[] text = new byte[stream.Length + 1];      // ends in a zero, as the driver wants it
        stream.ReadExactly(text, 0, (int)stream.Length);
        return text;
    }

    /// <summary>Whether the kernels came with the program, so that a card needs no NVRTC.</summary>
    public static bool ArePacked => typeof(KernelImages).Assembly.GetManifestResourceInfo($"{KernelNames.Files[0]}.ptx") is not null;

    /// <summary>What NVRTC makes of the text for a card.</summary>
    /// <param name="file">A file of kernels.</param>
    /// <param name="compiler">Null where there is none.</param>
    /// <param name="card">The card.</param>
    /// <exception cref="CudaException">There is no compiler.</exception>
    public static byte[] Compile(string file, CompilerApi? compiler, CudaCard card)
    {
        if (compiler is null)
            throw new CudaException("NVRTC, which compiles the kernels for the card, was not found: install it "
                + $"with the CUDA toolkit or 'pip install nvidia-cuda-nvrtc-cu12', or name its folder in {CudaLibraries.Variable}.");
        return compiler.Compile(file + ".cu", Source(file), $"sm_{card.Major}{card.Minor}").Image;
    }

    private static string Text(string resource)
    {
        using StreamReader reader = new(typeof(KernelImages).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
