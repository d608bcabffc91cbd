using System.Diagnostics;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AdaptFormer.Tensors.Backends.Cpu;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

/// <summary>
/// Runs the kernel tests again on lesser processors: this test program starts itself with a switch of the runtime that hides an
/// instruction set.
/// </summary>
public sealed class InstructionSetTests
{
    private static readonly Type[] KernelTests =
    [
        typeof(ActivationTests), typeof(ConverterTests), typeof(ElementwiseTests), typeof(LayerNormKernelTests),
        typeof(ManagedMatMulTests), typeof(ReductionTests), typeof(SoftmaxKernelTests), typeof(HiddenInstructionSetTests),
    ];

    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public async Task Kernels_pass_their_tests_without(string variable)
    {
        string program = Environment.ProcessPath!;
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Assembly.GetEntryAssembly()!.Location);
        foreach (string argument in (string[])["-noLogo", "-noColor", .. KernelTests.SelectMany(t => (string[])["-class", t.FullName!])])
            start.ArgumentList.Add(argument);
        foreach (string other in (string[])["DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic"]) start.Environment.Remove(other);
        start.Environment[variable] = "0";

        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 0, $"With {variable}=0:\n{output}\n{await errors}");
        Assert.Matches(@"Total: [1-9]\d\d, Errors: 0, Failed: 0", output);    // the filter found the tests
    }
}

/// <summary>Proof that a switch took effect, for the process that has it.</summary>
public sealed class HiddenInstructionSetTests
{
    [Fact]
    public void The_library_uses_the_widest_vectors_that_are_left()
    {
        bool no512 = IsOff("DOTNET_EnableAVX512"), noAvx2 = IsOff("DOTNET_EnableAVX2"), none = IsOff("DOTNET_EnableHWIntrinsic");
        if (no512 || noAvx2 || none) Assert.False(Vector512.IsHardwareAccelerated || Avx512F.IsSupported);
        if (noAvx2 || none) Assert.False(Vector256.IsHardwareAccelerated || Avx2.IsSupported);
        if (none) Assert.False(Vector128.IsHardwareAccelerated);

        string expected = Avx512F.IsSupported ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2"
            : !Vector128.IsHardwareAccelerated ? "portable" : System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported ? "NEON" : "SSE";
        Assert.Equal($"managed {expected}", ManagedMatMul.Instance.Name);
    }

    private static bool IsOff(string variable) => Environment.GetEnvironmentVariable(variable) == "0";
}
