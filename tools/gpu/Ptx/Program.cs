using AdaptFormer.Cuda;
using AdaptFormer.Cuda.Native;

// Ptx FOLDER: every file of kernels as PTX for compute capability 8.0, which drivers compile for that and every newer card.
const string Oldest = "compute_80";
if (args is not [string folder])
{
    Console.Error.WriteLine("usage: Ptx FOLDER");
    return 2;
}

if (CudaLibraries.FindCompiler() is not { } compiler)
{
    Console.Error.WriteLine($"NVRTC was not found; tools/gpu/nvrtc.sh fetches it, and {CudaLibraries.Variable} names its folder.");
    return 1;
}

Directory.CreateDirectory(folder);
foreach (string file in KernelNames.Files)
{
    byte[] text = compiler.Compile(file + ".cu", KernelImages.Source(file), Oldest).Image.AsSpan().TrimEnd((byte)0).ToArray();
    File.WriteAllBytes(Path.Combine(folder, file + ".ptx"), text);
}

Console.WriteLine($"{KernelNames.Files.Length} files of kernels as PTX for {Oldest}, by NVRTC {compiler.Version}, in {folder}");
return 0;
