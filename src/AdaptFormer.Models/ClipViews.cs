using System.Text.Json.Serialization;

namespace AdaptFormer.Models;

/// <summary>How a video is shown to a model that reads clips: its views are answered one by one, and the mean of their logits is the
/// answer.</summary>
/// <param name="Sampling">Which frames.</param>
/// <param name="SamplingRate">Distance between the frames of a dense clip, in [1, 1024].</param>
/// <param name="Segments">Clips of a video, in [1, 100].</param>
/// <param name="Crops">Places on the longer side that each of them is cut at: 1 (the centre) or 3.</param>
public sealed record ClipViews(FrameSampling Sampling = FrameSampling.Segments, int SamplingRate = 4, int Segments = 1, int Crops = 1)
{
    /// <summary>Whether every value is in its range.</summary>
    [JsonIgnore]
    internal bool IsValid => Enum.IsDefined(Sampling) && SamplingRate is >= 1 and <= 1024 && Segments is >= 1 and <= 100 && Crops is 1 or 3;

    /// <summary>For example <c>4 x 3 views, dense, rate 4</c>.</summary>
    public override string ToString()
    {
        string rule = Sampling switch
        {
            FrameSampling.Dense => FormattableString.Invariant($"dense, rate {SamplingRate}"),
            FrameSampling.Segments => "segments",
            _ => "uniform",
        };
        return FormattableString.Invariant($"{Segments} x {Crops} {(Segments * Crops == 1 ? "view" : "views")}, {rule}");
    }
}
