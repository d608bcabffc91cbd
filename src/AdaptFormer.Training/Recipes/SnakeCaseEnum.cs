using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Recipes;

/// <summary>Writes the members of an enum in snake_case, as all recipe values are; numbers are refused.</summary>
public sealed class SnakeCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
