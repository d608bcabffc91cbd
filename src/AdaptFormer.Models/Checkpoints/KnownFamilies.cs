using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using AdaptFormer.Models.Swin;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>The families of this project, and the published models. A new family is a line here, and its configuration one below.</summary>
internal static class KnownFamilies
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The base record knows no family; each is made known when the project is loaded.")]
    internal static void Register()
    {
        BackboneFamily.Register(new VitFamily(), FamiliesJson.Default);
        BackboneFamily.Register(new VideoVitFamily(), FamiliesJson.Default);
        BackboneFamily.Register(new SwinFamily(), FamiliesJson.Default);
        BackboneFamily.Register(new VideoSwinFamily(), FamiliesJson.Default);
        ModelZoo.Published = static () => PublishedModels.All;
    }
}

/// <summary>The properties of the families' configurations.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(VitConfig))]
[JsonSerializable(typeof(VideoVitConfig))]
[JsonSerializable(typeof(SwinConfig))]
[JsonSerializable(typeof(VideoSwinConfig))]
internal sealed partial class FamiliesJson : JsonSerializerContext;
