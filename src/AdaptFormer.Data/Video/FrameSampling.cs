using System.Text.Json.Serialization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Data;

/// <summary>Which frames of a video make a clip.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FrameSampling>))]
public enum FrameSampling
{
    /// <summary>The video in T equal parts and one frame of each: a random one in training, the middle one to score (Something-Something).</summary>
    [JsonStringEnumMemberName("segments")]
    Segments,

    /// <summary>T frames with a fixed distance from a random start (Kinetics, HMDB51).</summary>
    [JsonStringEnumMemberName("dense")]
    Dense,

    /// <summary>T frames at equal distances over the whole video, without chance.</summary>
    [JsonStringEnumMemberName("uniform")]
    Uniform,
}

/// <summary>Frame numbers for each rule. What the authors' code does with videos that are too short is done here too.</summary>
public static class FrameIndices
{
    /// <summary>Frames of a training clip.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="frames">Frames of the video F, at least 1.</param>
    /// <param name="count">Frames of the clip T, at least 1.</param>
    /// <param name="rate">Distance between frames of a dense clip, at least 1.</param>
    /// <param name="rng">The draws.</param>
    /// <returns>T numbers in [0, F), ascending.</returns>
    public static int[] ForTraining(FrameSampling rule, int frames, int count, int rate, Rng rng) => rule switch
    {
        FrameSampling.Segments => JitteredSegments(frames, count, rng),
        FrameSampling.Dense => Dense(frames, count, rate, frames <= count * rate ? 0 : rng.NextInt(frames - (count * rate))),
        _ => Middles(frames, count, 0.5),
    };

    /// <summary>Frames of one of several clips that are scored together.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="frames">Frames of the video F, at least 1.</param>
    /// <param name="count">Frames of the clip T, at least 1.</param>
    /// <param name="rate">Distance between frames of a dense clip, at least 1.</param>
    /// <param name="clip">Which clip, in [0, <paramref name="clips"/>).</param>
    /// <param name="clips">Clips of a video, at least 1; one alone is the middle one.</param>
    /// <returns>T numbers in [0, F), ascending.</returns>
    public static int[] ForScoring(FrameSampling rule, int frames, int count, int rate, int clip, int clips)
    {
        if (rule != FrameSampling.Dense) return Middles(frames, count, clips == 1 ? 0.5 : (double)clip / clips);
        int free = Math.Max(0, frames - (count * rate));
        return Dense(frames, count, rate, clips == 1 ? free / 2 : (int)((long)free * clip / (clips - 1)));
    }

    // One draw in each part; a video with fewer frames than parts gives sorted draws, and one with no more than T its frames evenly.
    private static int[] JitteredSegments(int frames, int count, Rng rng)
    {
        int length = frames / count;
        if (length > 0) return [.. Enumerable.Range(0, count).Select(i => (i * length) + rng.NextInt(length))];
        return Middles(frames, count, 0.5);
    }

    private static int[] Middles(int frames, int count, double offset)
    {
        double part = (double)frames / count;
        return [.. Enumerable.Range(0, count).Select(i => Math.Clamp((int)(part * (i + offset)), 0, frames - 1))];
    }

    // A short video is gone through at the same rate, and its last frame stands for what is missing.
    private static int[] Dense(int frames, int count, int rate, int start) => [.. Enumerable.Range(0, count).Select(i => Math.Min(start + (i * rate), frames - 1))];
}
