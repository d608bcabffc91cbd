using System.Text.Json.Serialization;

namespace AdaptFormer.Training;

/// <summary>
/// What a training pass computes once more on the way back instead of keeping it (gradient checkpointing): less memory for more time, and
/// the same numbers to the bit.
/// </summary>
[JsonConverter(typeof(SnakeCaseEnum<Recomputation>))]
public enum Recomputation
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Every block that a gradient passes through: of each, the tokens that go into it are kept.</summary>
    Blocks,
}
