using System.Text.Json.Serialization;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;

namespace AdaptFormer.Runs.Recipes;

/// <summary>How recipes are written: snake_case, enums as words, every key present.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    IgnoreReadOnlyProperties = true, // what a record computes from its keys (a formula) is no key
    AllowOutOfOrderMetadataProperties = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters =
    [
        typeof(SnakeCaseEnum<TrainCrop>), typeof(SnakeCaseEnum<HeadKind>), typeof(SnakeCaseEnum<AdapterPosition>),
        typeof(SnakeCaseEnum<AdapterInput>), typeof(SnakeCaseEnum<AdapterActivation>), typeof(SnakeCaseEnum<AdapterInit>),
        typeof(SnakeCaseEnum<OrientationRule>),
    ])]
[JsonSerializable(typeof(Recipe))]
[JsonSerializable(typeof(PretrainRecipe))]
internal sealed partial class RecipeJson : JsonSerializerContext;
