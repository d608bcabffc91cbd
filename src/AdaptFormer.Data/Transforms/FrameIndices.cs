using AdaptFormer.Tensors;

namespace AdaptFormer.Data.Transforms;

/// <summary>Frame numbers for each rule. Dense clips are those of the authors' code to the frame, its ways with short videos
/// included.</summary>
public static class FrameIndices
{
    /// <summary>Frames of a training clip.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="frames">Frames of the video F, at least 1.</param>
    /// <param name="rate">Distance between frames of a dense clip, at least 1.</param>
    /// <param name="rng">The draws.</param>
    /// <param name="into">Receives T numbers in [0, F), ascending; T is its length.</param>
    public static void ForTraining(FrameSampling rule, int frames, int rate, Rng rng, Span<int> into)
    {
        if (rule == FrameSampling.Dense) DenseFrom(Start(frames - (into.Length * rate), rng), frames, rate, into);
        else if (rule == FrameSampling.Segments && frames >= into.Length) JitteredSegments(frames, rng, into);
        else Middles(frames, 0.5, into);
    }

    /// <summary>Frames of one of several clips that are scored together.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="frames">Frames of the video F, at least 1.</param>
    /// <param name="rate">Distance between frames of a dense clip, at least 1.</param>
    /// <param name="clip">Which clip, in [0, <paramref name="clips"/>).</param>
    /// <param name="clips">Clips of a video, at least 1; one alone is the middle one.</param>
    /// <param name="into">Receives T numbers in [0, F), ascending; T is its length.</param>
    public static void ForScoring(FrameSampling rule, int frames, int rate, int clip, int clips, Span<int> into)
    {
        if (rule != FrameSampling.Dense)
        {
            Middles(frames, clips == 1 ? 0.5 : (double)clip / clips, into);
            return;
        }

        // Every rate-th frame of the video, of which a clip has T; the last of them stands for what is missing.
        int all = (frames + rate - 1) / rate, free = Math.Max(0, all - into.Length);
        int start = clips == 1 ? free / 2 : (int)(clip * ((double)free / (clips - 1)));
        for (int i = 0; i < into.Length; i++) into[i] = rate * Math.Min(start + i, all - 1);
    }

    /// <summary>Where a dense clip begins that leaves <paramref name="free"/> frames of its video.</summary>
    private static int Start(int free, Rng rng) => free < 0 ? 0 : rng.NextInt(free + 1);

    // A clip that comes to the end of its video stands still, and it does so one frame before the last.
    private static void DenseFrom(int frame, int frames, int rate, Span<int> into)
    {
        foreach (ref int index in into)
        {
            index = frame;
            if (frame + rate < frames - 1) frame += rate;
        }
    }

    // One draw in each part; a video with fewer frames than parts has no parts to draw from and shows its frames evenly.
    private static void JitteredSegments(int frames, Rng rng, Span<int> into)
    {
        int length = frames / into.Length;
        for (int i = 0; i < into.Length; i++) into[i] = (i * length) + rng.NextInt(length);
    }

    private static void Middles(int frames, double offset, Span<int> into)
    {
        double part = (double)frames / into.Length;
        for (int i = 0; i < into.Length; i++) into[i] = Math.Clamp((int)(part * (i + offset)), 0, frames - 1);
    }
}
