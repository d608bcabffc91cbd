using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// Whether bf16 products beat f32 ones, as a property of the CPU's model and of the kernels that oneDNN has for it. It is looked up and
/// never timed: a race between two products would now and then be lost to another program, and the same start would compute in another
/// type.
/// </summary>
/// <remarks>
/// With AMX bf16 runs at several times the rate of f32. Of the CPUs with AVX-512 BF16 alone, AMD's (Zen 4 and later) start as many bf16
/// instructions a cycle as f32 ones, each with twice the products: measured 2.0 times the rate. Intel's start them on one port of two and
/// pay for the conversions: measured 0.55. What is not known here counts as slower, and a recipe may still say <c>bfloat16</c>.
/// </remarks>
internal static class BFloat16Speed
{
    private const string Amd = "AuthenticAMD";

    /// <summary>Who made this CPU, as it says itself: <c>AuthenticAMD</c>, <c>GenuineIntel</c>…; empty where it does not.</summary>
    public static string Vendor { get; } = ReadVendor();

    /// <summary>Whether bf16 is the faster type, and why, in words that follow "as".</summary>
    /// <param name="implementation">oneDNN's name of the kernel that it chose for a bf16 product, for example
    /// <c>brg:avx512_core_amx_bf16</c>; null without a blocked one.</param>
    /// <param name="vendor">The CPU's, as <see cref="Vendor"/> gives it.</param>
    public static (bool Faster, string Why) Of(string? implementation, string vendor) => implementation switch
    {
        null => (false, "oneDNN has no fast bf16 kernels for this CPU"),
        _ when implementation.Contains("amx", StringComparison.Ordinal) => (true, "this CPU multiplies bf16 in tiles (AMX)"),
        _ when vendor == Amd => (true, "AMD's AVX-512 multiplies bf16 at twice the rate of f32"),
        _ => (false, "AVX-512 BF16 without AMX is slower than f32 on this CPU, or was never measured on it"),
    };

    private static string ReadVendor()
    {
        if (!X86Base.IsSupported) return "";
        (_, int b, int c, int d) = X86Base.CpuId(0, 0);
        ReadOnlySpan<int> words = [b, d, c];
        return System.Text.Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words));
    }
}
