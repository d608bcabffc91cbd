using AdaptFormer.Tensors;
using AdaptFormer.Tests.Backends.OneDnn;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

/// <summary>Sizes, types and comparisons shared by the kernel tests.</summary>
internal static class KernelData
{
    public const DataType F32 = DataType.Float32, Bf16 = DataType.BFloat16;

    /// <summary>Nothing, one, around every vector width and its multiples, and beyond a block of 4096.</summary>
    public static readonly int[] Lengths = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 197, 4096, 4101];

    public static readonly DataType[] Types = [F32, Bf16];

    /// <summary>Random numbers, about normal times <paramref name="scale"/>, already rounded to the type.</summary>
    public static NativeMatrix Random(DataType type, long n, long seed, float scale = 1)
    {
        NativeMatrix made = NativeMatrix.Random(type, n, seed);
        if (scale != 1)
        {
            for (long i = 0; i < n; i++) made[i] *= scale;
        }

        return made;
    }

    public static float[] ToArray(this NativeMatrix x) => [.. Enumerable.Range(0, (int)x.Count).Select(i => x[i])];

    /// <summary>
    /// Every element within <paramref name="relative"/> of its expected value plus <paramref name="absolute"/>, plus half a unit of
    /// bfloat16 where that is the type; guards untouched.
    /// </summary>
    public static void AssertClose(Func<long, double> expected, NativeMatrix actual, double relative, double absolute, string what)
    {
        double rounding = actual.Type == Bf16 ? 1.0 / 256 : 0;
        for (long i = 0; i < actual.Count; i++)
        {
            double wanted = expected(i), got = actual[i];
            double allowed = (Math.Abs(wanted) * (relative + rounding)) + absolute;
            bool close = double.IsNaN(wanted) ? double.IsNaN(got) : wanted == got || Math.Abs(got - wanted) <= allowed;
            if (!close) Assert.Fail($"{what}: element {i} of {actual.Count} is {got:g9}, expected {wanted:g9} within {allowed:g3}.");
        }

        Assert.True(actual.GuardsIntact(), $"{what}: wrote outside its output.");
    }
}
