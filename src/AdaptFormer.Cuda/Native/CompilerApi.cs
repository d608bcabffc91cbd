using System.Text;

namespace AdaptFormer.Cuda.Native;

/// <summary>NVRTC: CUDA C text to machine code.</summary>
internal sealed unsafe class CompilerApi(NativeFunctions library)
{
    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> _create =
        (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)library["nvrtcCreateProgram"];
    private readonly delegate* unmanaged<nint*, int> _destroy = (delegate* unmanaged<nint*, int>)library["nvrtcDestroyProgram"];
    private readonly delegate* unmanaged<nint, int, byte**, int> _compile =
        (delegate* unmanaged<nint, int, byte**, int>)library["nvrtcCompileProgram"];
    private readonly delegate* unmanaged<nint, nuint*, int> _logSize =
        (delegate* unmanaged<nint, nuint*, int>)library["nvrtcGetProgramLogSize"];
    private readonly delegate* unmanaged<nint, byte*, int> _log = (delegate* unmanaged<nint, byte*, int>)library["nvrtcGetProgramLog"];
    private readonly delegate* unmanaged<nint, nuint*, int> _imageSize =
        (delegate* unmanaged<nint, nuint*, int>)library["nvrtcGetCUBINSize"];
    private readonly delegate* unmanaged<nint, byte*, int> _image = (delegate* unmanaged<nint, byte*, int>)library["nvrtcGetCUBIN"];
    private readonly delegate* unmanaged<nint, nuint*, int> _ptxSize = (delegate* unmanaged<nint, nuint*, int>)library["nvrtcGetPTXSize"];
    private readonly delegate* unmanaged<nint, byte*, int> _ptx = (delegate* unmanaged<nint, byte*, int>)library["nvrtcGetPTX"];
    private readonly delegate* unmanaged<int*, int*, int> _version = (delegate* unmanaged<int*, int*, int>)library["nvrtcVersion"];

    /// <summary>The name of the file.</summary>
    public string File => library.File;

    /// <summary>For example <c>12.4</c>.</summary>
    public string Version
    {
        get
        {
            int major, minor;
            _version(&major, &minor);
            return $"{major}.{minor}";
        }
    }

    /// <summary>Compiles <paramref name="source"/>.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="source">CUDA C without any header.</param>
    /// <param name="architecture">For example <c>sm_90</c>; <c>compute_80</c> makes PTX, text for that and every newer card.</param>
    /// <returns>The machine code or PTX, and what the compiler says: registers and spills of each kernel in machine code.</returns>
    /// <exception cref="CudaException">It does not compile; the message is the compiler's.</exception>
    public (byte[] Image, string Log) Compile(string name, string source, string architecture)
    {
        nint program;
        fixed (byte* text = Bytes(source), title = Bytes(name)) Check(_create(&program, text, title, 0, null, null), "nvrtcCreateProgram");
        try
        {
            int code;
            fixed (byte* target = Bytes($"--gpu-architecture={architecture}"), standard = Bytes("--std=c++17"), tell =
                Bytes("--ptxas-options=-v"))
            {
                byte** options = stackalloc byte*[] { target, standard, tell };
                code = _compile(program, 3, options);
            }

            nuint size;
            Check(_logSize(program, &size), "nvrtcGetProgramLogSize");
            byte[] log = new byte[size];
            fixed (byte* to = log) Check(_log(program, to), "nvrtcGetProgramLog");
            string said = Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
            if (code != 0) throw new CudaException($"CUDA: {name} does not compile for {architecture} (NVRTC error {code}):\n{said}");
            bool text = architecture.StartsWith("compute", StringComparison.Ordinal);
            Check(text ? _ptxSize(program, &size) : _imageSize(program, &size), "the size of its result");
            byte[] image = new byte[size];
            fixed (byte* to = image) Check(text ? _ptx(program, to) : _image(program, to), "its result");
            return (image, said);
        }
        finally
        {
            _destroy(&program);
        }
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + "\0");

    private static void Check(int code, string call)
    {
        if (code != 0) throw new CudaException($"CUDA: {call} failed with NVRTC error {code}.");
    }
}
