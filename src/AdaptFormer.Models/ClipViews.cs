using System.Text.Json.Serialization;

namespace AdaptFormer.Models;

/// <summary>Which frames of a video make a clip.</summary>
[JsonConverter(typeof(SnakeCaseEnum<FrameRule>))]
public enum FrameRule
{
    /// <summary>The video in T equal parts and one frame of each (Something-Something).</summary>
    Segments,

    /// <summary>T frames with a fixed distance (Kinetics, HMDB51).</summary>
    Dense,

    /// <summary>T frames at equal distances over the whole video.</summary>
    Uniform,
}

/// <summary>How a video is shown to a model that reads clips: its views are answered one by one, and the mean of their logits is the
/// answer.</summary>
/// <param name="Sampling">Which frames.</param>
/// <param name="SamplingRate">Distance between the frames of a dense clip, in [1, 1024].</param>
/// <param name="Segments">Clips of a video, in [1, 100].</param>
/// <param name="Crops">Places on the longer side that each of them is cut at: 1 (the centre) or 3.</param>
public sealed record ClipViews(FrameRule Sampling = FrameRule.Segments, int SamplingRate = 4, int Segments = 1, int Crops = 1)
{
    /// <summary>Whether every value is in its range.</summary>
    [JsonIgnore]
    internal bool IsValid => Enum.IsDefined(Sampling) && SamplingRate is >= 1 and <= 1024 && Segments is >= 1 and <= 100 && Crops is 1 or 3;

    /// <summary>For example <c>4 x 3 views, dense, rate 4</c>.</summary>
    public override string ToString()
    {
        string rule = Sampling == FrameRule.Dense ? FormattableString.Invariant($"dense, rate {SamplingRate}") : Sampling == FrameRule.Segments ? "segments" : "uniform";
        return FormattableString.Invariant($"{Segments} x {Crops} {(Segments * Crops == 1 ? "view" : "views")}, {rule}");
    }
}
