using System.Text.Json.Serialization;

namespace AdaptFormer.Tensors.Pictures;

/// <summary>Which frames of a video make a clip.</summary>
[JsonConverter(typeof(SnakeCaseEnum<FrameSampling>))]
public enum FrameSampling
{
    /// <summary>The video in T equal parts and one frame of each: a random one in training, the middle one to score
    /// (Something-Something).</summary>
    Segments,

    /// <summary>
    /// T frames with a fixed distance from a random start (Kinetics, HMDB51); scored clips are spread over the video. What the authors'
    /// code does with every data set.
    /// </summary>
    Dense,

    /// <summary>T frames at equal distances over the whole video, without chance.</summary>
    Uniform,
}
