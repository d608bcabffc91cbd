using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaptFormer.Tensors.Pictures;

/// <summary>Writes the members of an enum in snake_case, as recipes and adapter files do; numbers are refused.</summary>
public sealed class SnakeCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
