using System.Runtime.InteropServices;

namespace AdaptFormer.Training;

/// <summary>The answers to a batch, on their way to the other processes.</summary>
/// <param name="Logits">[B, K].</param>
/// <param name="Labels">[B].</param>
/// <param name="Targets">[B, K], or none.</param>
internal sealed record BatchAnswer(float[] Logits, int[] Labels, float[] Targets)
{
    public byte[] ToBytes() =>
    [
        .. BitConverter.GetBytes(Labels.Length), .. BitConverter.GetBytes(Logits.Length), .. MemoryMarshal.AsBytes<int>(Labels),
        .. MemoryMarshal.AsBytes<float>(Logits), .. MemoryMarshal.AsBytes<float>(Targets),
    ];

    public static BatchAnswer Of(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<int> words = MemoryMarshal.Cast<byte, int>(bytes);
        (int count, int logits) = (words[0], words[1]);
        ReadOnlySpan<float> numbers = MemoryMarshal.Cast<int, float>(words[(2 + count)..]);
        return new BatchAnswer(numbers[..logits].ToArray(), words.Slice(2, count).ToArray(), numbers[logits..].ToArray());
    }
}
