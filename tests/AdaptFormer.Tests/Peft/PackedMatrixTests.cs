using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Peft;

public sealed class PackedMatrixTests
{
    /// <summary>The least error that so many levels can leave of normal numbers, by Max (1960): 0.363, 0.117, 0.0095 of the variance, and next to none.</summary>
    [Theory]
    [InlineData(1, 0.363)]
    [InlineData(2, 0.1175)]
    [InlineData(4, 0.0095)]
    [InlineData(8, 0.0002)]
    public void Normal_numbers_come_back_as_near_as_so_many_levels_allow(int bits, double least)
    {
        float[] values = new float[20_000], read = new float[values.Length];
        Rng rng = new(1);
        for (int i = 0; i < values.Length; i++) values[i] = (1 + (i / 5000)) * 0.01f * (float)rng.NextNormal();      // each quarter wider than the one before
        PackedMatrix packed = PackedMatrix.Of(values, bits);
        packed.Unpack(read);
        double error = values.Zip(read, (value, got) => Math.Pow(value - got, 2)).Sum() / values.Sum(value => value * value);
        Assert.InRange(error, 0, 1.03 * least);
        Assert.Equal((values.Length * bits) / 8, packed.Codes.Length);
        Assert.Equal(1 << bits, packed.Levels.Length);
        Assert.Equal(157, packed.Scales.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void What_few_levels_can_say_comes_back_exactly(int bits)
    {
        float[] two = [.. Enumerable.Range(0, 301).Select(i => i % 3 == 0 ? -0.5f : 0.25f)], none = new float[7], one = [0.75f];
        foreach (float[] values in (float[][])[two, none, one, []])
        {
            float[] read = new float[values.Length];
            PackedMatrix.Of(values, bits).Unpack(read);
            Assert.All(values.Zip(read), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
        }
    }

    [Fact]
    public void The_same_numbers_give_the_same_bytes_and_a_number_that_does_not_fit_is_named()
    {
        float[] values = [.. Enumerable.Range(0, 1000).Select(i => MathF.Sin(i))];
        Assert.Equal(PackedMatrix.Of(values, 4).Codes, PackedMatrix.Of(values, 4).Codes);
        values[3] = 1e9f;
        Assert.Contains("too large", Assert.Throws<ArgumentException>(() => PackedMatrix.Of(values, 4)).Message);
    }
}
