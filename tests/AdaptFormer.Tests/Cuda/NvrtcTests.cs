using System.Text.RegularExpressions;
using AdaptFormer.Cuda;
using AdaptFormer.Cuda.Native;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>The kernels under NVIDIA's own compiler, which needs no card; without it (tools/gpu/nvrtc.sh fetches it) the tests are skipped.</summary>
public sealed partial class NvrtcTests
{
    public static TheoryData<string, string> FilesAndArchitectures =>
        [.. from architecture in new[] { "sm_80", "sm_90" } from file in KernelNames.Files select (file, architecture)];

    [Theory]
    [MemberData(nameof(FilesAndArchitectures))]
    public void Every_kernel_compiles_to_machine_code_and_spills_no_register(string file, string architecture)
    {
        (byte[] image, string log) = Compiler().Compile(file + ".cu", KernelImages.Source(file), architecture);
        int kernels = KernelStart().Count("\n" + KernelImages.Source(file));
        string[] spills = [.. Spills().Matches(log).Select(match => match.Value)];
        Assert.Equal(0x7F, image[0]);       // an ELF file
        Assert.True(spills.Length >= kernels, log);
        Assert.All(spills, spill => Assert.Equal("0 bytes spill stores, 0 bytes spill loads", spill));
    }

    [Fact]
    public void A_mistake_in_a_kernel_is_told_with_its_line()
    {
        CudaException error = Assert.Throws<CudaException>(() => Compiler().Compile("wrong.cu", "extern \"C\" __global__ void f(float* y) {\n    y[0] = z;\n}\n", "sm_90"));
        Assert.Contains("wrong.cu(2): error: identifier \"z\" is undefined", error.Message, StringComparison.Ordinal);
    }

    private static CompilerApi Compiler()
    {
        CompilerApi? compiler = CudaLibraries.FindCompiler();
        if (compiler is null) Assert.Skip($"NVRTC was not found; tools/gpu/nvrtc.sh fetches it, and {CudaLibraries.Variable} names its folder.");
        return compiler!;
    }

    [GeneratedRegex("\nKERNEL ")]
    private static partial Regex KernelStart();

    [GeneratedRegex(@"\d+ bytes spill stores, \d+ bytes spill loads")]
    private static partial Regex Spills();
}
