using System.Text.Json.Serialization;

namespace AdaptFormer.Models;

/// <summary>How frozen weights and the inputs of matrix products are stored; sums, norms, adapters and the optimizer are always
/// f32.</summary>
[JsonConverter(typeof(SnakeCaseEnum<Precision>))]
public enum Precision
{
    /// <summary>bf16 where this machine's CPU multiplies it faster than f32, else f32; a run records which it was, and everything after
    /// follows the run.</summary>
    Auto,

    /// <summary>f32 throughout.</summary>
    Float32,

    /// <summary>bf16, even where it is slower.</summary>
    [JsonStringEnumMemberName("bfloat16")]
    BFloat16,

    /// <summary>For predictions alone: the frozen products of the blocks in 8-bit whole numbers, everything else in f32.</summary>
    Int8,
}
