using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data.Transforms;

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

    [Theory]
    [InlineData(100, 8, 4)]
    [InlineData(33, 8, 4)]
    [InlineData(32, 8, 4)]
    [InlineData(31, 8, 4)]
    [InlineData(17, 8, 4)]
    [InlineData(10, 8, 1)]
    [InlineData(1, 8, 4)]
    public void Dense_training_clips_are_those_of_the_authors_code(int frames, int count, int rate)
    {
        // Their loader counts frames from 1: an offset drawn among F - T·rate + 1, advanced by the rate while the next one stays below F.
        int places = frames - (count * rate) + 1, offset = 1 + (places > 0 ? new Rng(3).NextInt(places) : 0);
        List<int> expected = [];
        for (int i = 0; i < count; i++)
        {
            expected.Add(offset - 1);
            if (offset + rate < frames) offset += rate;
        }

        Assert.Equal(expected, Training(FrameSampling.Dense, frames, count, rate, new Rng(3)));
    }

    [Theory]
    [InlineData(100, 8, 4, 4)]
    [InlineData(48, 8, 4, 4)]
    [InlineData(75, 8, 2, 5)]
    [InlineData(21, 8, 4, 3)]
    [InlineData(1, 8, 4, 2)]
    public void Dense_clips_to_score_are_those_of_the_authors_code(int frames, int count, int rate, int clips)
    {
        // Their loader takes every rate-th frame, repeats the last until there are T, and cuts windows whose starts are spread evenly.
        List<int> taken = [.. Enumerable.Range(0, frames).Where(frame => frame % rate == 0)];
        while (taken.Count < count) taken.Add(taken[^1]);
        double step = Math.Max((double)(taken.Count - count) / (clips - 1), 0);
        for (int clip = 0; clip < clips; clip++)
            Assert.Equal(taken.Slice((int)(clip * step), count), Scoring(FrameSampling.Dense, frames, count, rate, clip, clips));
    }

    [Fact]
    public void Scoring_takes_the_middle_or_clips_spread_over_the_video()
    {
        Assert.Equal([3, 9, 15, 21], Scoring(FrameSampling.Segments, 24, 4, 4, 0, 1));
        Assert.Equal([0, 6, 12, 18], Scoring(FrameSampling.Segments, 24, 4, 4, 0, 2));
        Assert.Equal([3, 9, 15, 21], Scoring(FrameSampling.Segments, 24, 4, 4, 1, 2));
        Assert.Equal([32, 36, 40, 44, 48, 52, 56, 60], Scoring(FrameSampling.Dense, 100, 8, 4, 0, 1));
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
