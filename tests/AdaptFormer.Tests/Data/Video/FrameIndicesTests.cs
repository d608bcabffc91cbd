using AdaptFormer.Data;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class FrameIndicesTests
{
    [Theory]
    [InlineData(48, 8)]
    [InlineData(17, 8)]
    [InlineData(8, 8)]
    [InlineData(5, 8)]
    [InlineData(1, 8)]
    public void Jittered_segments_take_one_draw_of_each_part(int frames, int count)
    {
        // The same draws once more, as the rule is written: i·⌊F/T⌋ + a draw below ⌊F/T⌋.
        int[] indices = Training(FrameSampling.Segments, frames, count, 4, new Rng(3));
        Rng draws = new(3);
        int length = frames / count;
        for (int i = 0; i < count; i++)
        {
            int expected = length > 0 ? (i * length) + draws.NextInt(length) : (int)((i + 0.5) * frames / count);
            Assert.Equal(expected, indices[i]);
        }
    }

    [Fact]
    public void Dense_clips_keep_their_rate_and_start_where_the_draw_says()
    {
        int[] indices = Training(FrameSampling.Dense, 100, 8, 4, new Rng(3));
        int start = new Rng(3).NextInt(100 - 32);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => start + (4 * i)), indices);
        Assert.Equal([0, 4, 8, 9, 9, 9, 9, 9], Training(FrameSampling.Dense, 10, 8, 4, new Rng(3)));
    }

    [Fact]
    public void Scoring_takes_the_middle_or_clips_spread_over_the_video()
    {
        Assert.Equal([3, 9, 15, 21], Scoring(FrameSampling.Segments, 24, 4, 4, 0, 1));
        Assert.Equal([0, 6, 12, 18], Scoring(FrameSampling.Segments, 24, 4, 4, 0, 2));
        Assert.Equal([3, 9, 15, 21], Scoring(FrameSampling.Segments, 24, 4, 4, 1, 2));
        Assert.Equal([34, 38, 42, 46, 50, 54, 58, 62], Scoring(FrameSampling.Dense, 100, 8, 4, 0, 1));
        Assert.Equal(0, Scoring(FrameSampling.Dense, 100, 8, 4, 0, 5)[0]);
        Assert.Equal(68, Scoring(FrameSampling.Dense, 100, 8, 4, 4, 5)[0]);
        Assert.Equal([0, 0, 1, 1], Scoring(FrameSampling.Uniform, 2, 4, 4, 0, 1));
    }

    [Fact]
    public void Every_rule_stays_in_the_video_and_ascends()
    {
        Rng rng = new(1);
        foreach (FrameSampling rule in Enum.GetValues<FrameSampling>())
        {
            for (int trial = 0; trial < 300; trial++)
            {
                int frames = 1 + rng.NextInt(120), count = 1 + rng.NextInt(20), rate = 1 + rng.NextInt(6), clips = 1 + rng.NextInt(5);
                int[][] all = [Training(rule, frames, count, rate, rng), .. Enumerable.Range(0, clips).Select(clip => Scoring(rule, frames, count, rate, clip, clips))];
                foreach (int[] indices in all)
                {
                    Assert.Equal(count, indices.Length);
                    Assert.All(indices, index => Assert.InRange(index, 0, frames - 1));
                    Assert.Equal(indices.Order(), indices);
                }
            }
        }
    }

    private static int[] Training(FrameSampling rule, int frames, int count, int rate, Rng rng)
    {
        int[] indices = new int[count];
        FrameIndices.ForTraining(rule, frames, rate, rng, indices);
        return indices;
    }

    private static int[] Scoring(FrameSampling rule, int frames, int count, int rate, int clip, int clips)
    {
        int[] indices = new int[count];
        FrameIndices.ForScoring(rule, frames, rate, clip, clips, indices);
        return indices;
    }
}
