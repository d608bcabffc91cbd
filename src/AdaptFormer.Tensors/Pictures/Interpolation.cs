using System.Text.Json.Serialization;

namespace AdaptFormer.Tensors.Pictures;

/// <summary>Filters for resizing, with Pillow's definitions: the filter widens when shrinking, so nothing aliases.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Interpolation>))]
public enum Interpolation
{
    /// <summary>Triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,

    /// <summary>Sinc windowed by sinc, support 3.</summary>
    Lanczos,

    /// <summary>Mean of the covered pixels, support 0.5.</summary>
    Box,
}
