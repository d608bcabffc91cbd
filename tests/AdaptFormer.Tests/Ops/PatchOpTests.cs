using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Ops;

public sealed class PatchOpTests : MatMulOpTests<PatchOpTests>, IOpTests
{
    public static IEnumerable<OpCase> Cases
    {
        get
        {
            foreach ((int[] pixels, int[] kernel) in new[] { (new[] { 1, 1, 1, 1 }, new[] { 1, 1, 1, 1 }), ([2, 3, 8, 8], [5, 3, 4, 4]), ([1, 3, 4, 12], [7, 3, 2, 2]), ([3, 2, 51, 34], [17, 2, 17, 17]) })
            {
                yield return new OpCase($"patches of {kernel[2]}", [pixels, kernel, [kernel[0]]], (p, type) => p[0].PatchEmbed(p[1], p[2], type)) { BFloat16 = 2e-2 };
                yield return new OpCase($"patches of {kernel[2]}, no bias", [pixels, kernel], (p, type) => p[0].PatchEmbed(p[1], compute: type)) { BFloat16 = 2e-2 };
                yield return new OpCase($"rows of {kernel[2]}", [pixels], (p, type) => p[0].Unfold(kernel[2], type)) { BFloat16 = 1e-2 };
            }

            foreach ((int[] clip, int[] kernel) in new[] { (new[] { 2, 3, 4, 8, 4 }, new[] { 5, 3, 2, 4, 4 }), ([1, 1, 3, 2, 6], [3, 1, 1, 2, 2]), ([2, 2, 6, 9, 3], [4, 2, 3, 3, 3]) })
            {
                yield return new OpCase($"tubelets of {kernel[2]} by {kernel[3]}", [clip, kernel, [kernel[0]]], (p, type) => p[0].PatchEmbed(p[1], p[2], type)) { BFloat16 = 2e-2 };
                yield return new OpCase($"rows of {kernel[2]} by {kernel[3]}", [clip], (p, type) => p[0].Unfold(kernel[3], type, kernel[2])) { BFloat16 = 1e-2 };
            }
        }
    }

    [Fact]
    public void Patches_come_row_by_row_and_channels_stand_outermost_in_each()
    {
        using TensorScope scope = new();
        Tensor pixels = Tensor.From([.. Enumerable.Range(0, 16).Select(v => (float)v)], new Shape(1, 2, 2, 4));
        Assert.Equal([0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15], pixels.Unfold(2).ToArray());
    }

    [Fact]
    public void Tubelets_come_frame_by_frame_and_hold_channels_then_frames()
    {
        using TensorScope scope = new();
        Tensor clip = Tensor.From([.. Enumerable.Range(0, 32).Select(v => (float)v)], new Shape(1, 2, 4, 2, 2));       // c·16 + t·4 + y·2 + x
        float[] first = [.. Enumerable.Range(0, 8), .. Enumerable.Range(16, 8)], second = [.. first.Select(v => v + 8)];
        Assert.Equal([.. first, .. second], clip.Unfold(2, tubelet: 2).ToArray());
    }

    [Fact]
    public void Shapes_must_agree()
    {
        using TensorScope scope = new();
        Tensor pixels = Tensor.Zeros(2, 3, 8, 12);
        Assert.Equal("PatchEmbed: pixels [B, C, H, W] must cut into patches of the kernel [O, C, p, p]; got pixels [2, 3, 8, 12], weight [5, 3, 5, 5].",
            Assert.Throws<ArgumentException>(() => pixels.PatchEmbed(Tensor.Zeros(5, 3, 5, 5))).Message);
        Assert.StartsWith("PatchEmbed: ", Assert.Throws<ArgumentException>(() => pixels.PatchEmbed(Tensor.Zeros(5, 3, 4, 2))).Message);
        Assert.StartsWith("PatchEmbed: ", Assert.Throws<ArgumentException>(() => pixels.PatchEmbed(Tensor.Zeros(5, 4, 4, 4))).Message);
        Assert.Equal("Unfold: patches of 5 must divide pixels [B, C, H, W]; got pixels [2, 3, 8, 12].", Assert.Throws<ArgumentException>(() => pixels.Unfold(5)).Message);
    }
}
