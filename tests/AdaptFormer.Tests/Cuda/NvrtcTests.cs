using System.Text;
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

    public static TheoryData<string> Files => [.. KernelNames.Files];

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

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_kernel_becomes_text_for_all_cards_that_are_new_enough(string file)
    {
        string ptx = Encoding.UTF8.GetString(Compiler().Compile(file + ".cu", KernelImages.Source(file), "compute_80").Image);
        Assert.Contains(".target sm_80", ptx, StringComparison.Ordinal);
        Assert.Equal(KernelStart().Count("\n" + KernelImages.Source(file)), PtxEntry().Count(ptx));
        if (KernelImages.Ptx(file) is { } packed) Assert.Equal(ptx.TrimEnd('\0'), Encoding.UTF8.GetString(packed).TrimEnd('\0'));
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

    [GeneratedRegex(@"\.visible \.entry ")]
    private static partial Regex PtxEntry();

    [GeneratedRegex(@"\d+ bytes spill stores, \d+ bytes spill loads")]
    private static partial Regex Spills();
}
