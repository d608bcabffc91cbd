namespace AdaptFormer.Models;

/// <summary>
/// Bounds of a configuration, which may come from a file of somebody else: they are far above any model of the field, and keep a wrong
/// number from asking for all memory before anything else is looked at.
/// </summary>
internal static class SizeLimits
{
    private const int LargestSize = 1 << 16, LargestDepth = 1 << 10, LargestMlpRatio = 64;

    /// <summary>What a configuration beyond the limits is told.</summary>
    public const string Fault = "a size is beyond 65536, the depth beyond 1024, or mlp_ratio beyond 64, which no model is";

    /// <summary>Whether every size is within the limits.</summary>
    public static bool Hold(ReadOnlySpan<int> sizes, int depth, double mlpRatio)
    {
        foreach (int size in sizes)
        {
            if (size > LargestSize) return false;
        }

        return depth <= LargestDepth && mlpRatio <= LargestMlpRatio;
    }
}
