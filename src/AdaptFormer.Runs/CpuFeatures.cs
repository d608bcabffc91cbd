using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace AdaptFormer.Runs;

/// <summary>An instruction set that decides how fast kernels run.</summary>
/// <param name="Name">For example <c>AVX-512 BF16</c>.</param>
/// <param name="Present">Whether this process may use it: the CPU has it and the runtime does not hide it.</param>
/// <param name="Use">What it is for.</param>
public readonly record struct CpuFeature(string Name, bool Present, string Use);

/// <summary>What this CPU offers of the instruction sets that matter here.</summary>
public static class CpuFeatures
{
    /// <summary>The features of this architecture, present or not.</summary>
    public static IReadOnlyList<CpuFeature> Detect() =>
    [
        new("Vector512", Vector512.IsHardwareAccelerated, "managed kernels, 16 floats at a time"),
        new("Vector256", Vector256.IsHardwareAccelerated, "managed kernels, 8 floats at a time"),
        new("Vector128", Vector128.IsHardwareAccelerated, "managed kernels, 4 floats at a time"),
        .. X86Base.IsSupported ? X86() : [],
        .. ArmBase.IsSupported ? Arm() : [],
    ];

    private static CpuFeature[] X86() =>
    [
        new("AVX2", Avx2.IsSupported, "f32 kernels"),
        new("FMA", Fma.IsSupported, "f32 kernels"),
        new("AVX-512", Avx512BW.IsSupported, "f32 kernels"),
        new("AVX-512 BF16", HasX86(leaf: 7, subleaf: 1, eaxBit: 5), "oneDNN's bf16 kernels"),
        new("AMX BF16", HasX86(leaf: 7, subleaf: 0, edxBit: 22), "oneDNN's bf16 kernels"),
    ];

    private static CpuFeature[] Arm() =>
    [
        new("NEON", AdvSimd.IsSupported, "f32 kernels"),
        new("NEON dot product", Dp.IsSupported, "int8 kernels"),
    ];

    // .NET has no flag of its own for these two, so the CPU is asked: Intel's manual, volume 2A, CPUID leaf 7.
    private static bool HasX86(int leaf, int subleaf, int eaxBit = -1, int edxBit = -1)
    {
        (int highest, _, _, _) = X86Base.CpuId(0, 0);
        if (highest < leaf) return false;
        (int subleaves, _, _, _) = X86Base.CpuId(leaf, 0);
        if (subleaf > subleaves) return false;
        (int eax, _, _, int edx) = X86Base.CpuId(leaf, subleaf);
        return eaxBit >= 0 ? (eax >> eaxBit & 1) != 0 : (edx >> edxBit & 1) != 0;
    }
}
