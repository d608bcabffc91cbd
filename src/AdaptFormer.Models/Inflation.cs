using System.Text.Json.Serialization;

namespace AdaptFormer.Models;

/// <summary>How the patch kernel of image weights becomes a kernel for tubelets of t frames.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Inflation>))]
public enum Inflation
{
    /// <summary>W/t at every frame: a still clip gives the image's own patch embedding.</summary>
    Mean,

    /// <summary>W at frame ⌊t/2⌋, zeros at the others: a tubelet starts as its central frame.</summary>
    Centre,
}
