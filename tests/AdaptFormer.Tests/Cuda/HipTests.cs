using System.Diagnostics;
using AdaptFormer.Cuda;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>The kernels under AMD's compiler, so that its cards can follow: they are compiled, not run. Without it (tools/gpu/hip.sh fetches it) the tests are skipped.</summary>
public sealed class HipTests
{
    private const string Variable = "ADAPTFORMER_HIP";

    public static TheoryData<string, string> FilesAndCards => [.. from card in new[] { "gfx90a", "gfx1030" } from file in KernelNames.Files select (file, card)];

    [Theory]
    [MemberData(nameof(FilesAndCards))]
    public async Task Every_kernel_compiles_for_amd_s_cards(string file, string card)
    {
        string root = Path.Combine(Folder(), "usr"), libraries = Path.Combine(root, "lib", "x86_64-linux-gnu"), llvm = Path.Combine(root, "lib", "llvm-15");
        string source = Path.Combine(Path.GetTempPath(), $"adaptformer-{Environment.ProcessId}-{file}-{card}.hip");
        await File.WriteAllTextAsync(source, KernelImages.Source(file), TestContext.Current.CancellationToken);
        ProcessStartInfo start = new(Path.Combine(llvm, "bin", "clang"),
        [
            "-w", "-x", "hip", "--cuda-device-only", $"--offload-arch={card}", $"--rocm-device-lib-path={libraries}/amdgcn/bitcode", "-nogpuinc",
            "-include", "__clang_hip_runtime_wrapper.h", "-include", "hip/hip_runtime.h", $"-I{root}/include", "-D__HIP_PLATFORM_AMD__", "-O2", "-std=c++17",
            "-S", source, "-o", "-",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LD_LIBRARY_PATH"] = $"{libraries}:{llvm}/lib:{Path.Combine(Folder(), "lib", "x86_64-linux-gnu")}";
        try
        {
            using Process clang = Process.Start(start)!;
            Task<string> errors = clang.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string assembly = await clang.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await clang.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(clang.ExitCode == 0, await errors);
            Assert.Contains($"amdhsa--{card}", assembly, StringComparison.Ordinal);
            if (file != "attention") Assert.Contains(".amdhsa_kernel", assembly, StringComparison.Ordinal);      // its matrix units are NVIDIA's
        }
        finally
        {
            File.Delete(source);
        }
    }

    private static string Folder()
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(folder)) Assert.Skip($"AMD's compiler was not found; tools/gpu/hip.sh fetches it, and {Variable} names its folder.");
        return folder!;
    }
}
