using System.Runtime.CompilerServices;

namespace AdaptFormer.Tensors.Backends.Cpu.Simd;

/// <summary>How the loops of kernels are compiled.</summary>
internal static class Hot
{
    /// <summary>
    /// Optimised at the first call: unoptimised vector code is a hundred times slower, and a kernel may be called only once.
    /// Never inlined: the caller's profile would call the branches that it has not yet taken cold, and leave their vector
    /// helpers as calls (a product whose first runs had no GELU became three times slower with it).
    /// </summary>
    public const MethodImplOptions Loop = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
}
