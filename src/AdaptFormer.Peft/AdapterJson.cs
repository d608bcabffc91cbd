using System.Text.Json.Serialization;
using AdaptFormer.Models.Layers;

namespace AdaptFormer.Peft;

/// <summary>How an adapter file writes its records: snake_case, enums as words, unknown keys refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    IgnoreReadOnlyProperties = true,
    AllowOutOfOrderMetadataProperties = true,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters =
    [
        typeof(SnakeCaseEnum<HeadKind>), typeof(SnakeCaseEnum<AdapterPosition>), typeof(SnakeCaseEnum<AdapterInput>),
        typeof(SnakeCaseEnum<AdapterActivation>), typeof(SnakeCaseEnum<AdapterInit>),
    ])]
[JsonSerializable(typeof(Tuning))]
[JsonSerializable(typeof(BackboneIdentity))]
[JsonSerializable(typeof(SelfTest))]
[JsonSerializable(typeof(PackedStorage))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(Dictionary<string, double>))]
internal sealed partial class AdapterJson : JsonSerializerContext;
