namespace AdaptFormer.Tensors;

/// <summary>The numbers that 8-bit values of pictures stand for, given as a table of 256 for each of three channels.</summary>
public static class PixelTable
{
    /// <summary>Looks values up.</summary>
    /// <param name="table">The number of each of the 256 values of the first channel, then the second's, then the third's.</param>
    /// <param name="bytes">[B, 3, …].</param>
    /// <param name="plane">How many values of a channel stand one behind the other.</param>
    /// <param name="values">[B, 3, …]; receives the numbers.</param>
    public static void Apply(ReadOnlySpan<float> table, ReadOnlySpan<byte> bytes, int plane, Span<float> values)
    {
        for (int start = 0, channel = 0; start < bytes.Length; start += plane, channel = (channel + 1) % 3)
        {
            ReadOnlySpan<float> numbers = table.Slice(channel * 256, 256);
            for (int i = start; i < start + plane; i++) values[i] = numbers[bytes[i]];
        }
    }
}
