using AdaptFormer.Tensors;

namespace AdaptFormer.Files;

/// <summary>Shapes that come from files, where nothing may be trusted.</summary>
internal static class FileShapes
{
    /// <summary>More axes than any framework writes; a bound on the work per tensor.</summary>
    public const int MaxRank = 32;

    /// <summary>The shape, if every axis fits an <see cref="int"/> and the bytes of all elements fit a <see cref="long"/>.</summary>
    /// <param name="dims">Axis lengths as the file states them.</param>
    /// <param name="elementSize">Bytes of one element.</param>
    /// <param name="shape">The shape, when true is returned.</param>
    /// <param name="problem">What is wrong, when false is returned.</param>
    public static bool TryCreate(ReadOnlySpan<long> dims, int elementSize, out Shape shape, out string problem)
    {
        shape = default;
        problem = "";
        if (dims.Length > MaxRank)
        {
            problem = $"the shape has {dims.Length} axes, at most {MaxRank} are read";
            return false;
        }

        Span<int> lengths = stackalloc int[dims.Length];
        Int128 bytes = elementSize;     // the product of the non-zero axes: an empty tensor may not hide an overflow either
        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] is < 0 or > int.MaxValue)
            {
                problem = $"axis {i} is {dims[i]} long, expected 0 to {int.MaxValue}";
                return false;
            }

            lengths[i] = (int)dims[i];
            if (dims[i] > 0) bytes *= dims[i];
            if (bytes > long.MaxValue)
            {
                problem = "the shape has more elements than any file can hold";
                return false;
            }
        }

        shape = new Shape(lengths);
        return true;
    }
}
