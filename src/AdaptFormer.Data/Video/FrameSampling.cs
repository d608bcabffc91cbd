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
    /// <param name="rate">Distance between frames of a dense clip, at least 1.</param>
    /// <param name="rng">The draws.</param>
    /// <param name="into">Receives T numbers in [0, F), ascending; T is its length.</param>
    public static void ForTraining(FrameSampling rule, int frames, int rate, Rng rng, Span<int> into)
    {
        int span = into.Length * rate;
        if (rule == FrameSampling.Dense) Dense(frames, rate, frames <= span ? 0 : rng.NextInt(frames - span), into);
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

        int free = Math.Max(0, frames - (into.Length * rate));
        Dense(frames, rate, clips == 1 ? free / 2 : (int)((long)free * clip / (clips - 1)), into);
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

    // A short video is gone through at the same rate, and its last frame stands for what is missing.
    private static void Dense(int frames, int rate, int start, Span<int> into)
    {
        for (int i = 0; i < into.Length; i++) into[i] = Math.Min(start + (i * rate), frames - 1);
    }
}
