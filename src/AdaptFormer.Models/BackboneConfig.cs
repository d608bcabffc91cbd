using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// The sizes of a backbone: what a recipe's <c>model.config</c> and an adapter file say about it. In JSON the key <c>family</c> names its
/// <see cref="BackboneFamily"/>; a plain ViT may leave it out.
/// </summary>
/// <param name="DropPath">Stochastic depth of the last block, in [0, 1); earlier ones get a linear share.</param>
public abstract record BackboneConfig(float DropPath = 0)
{
    /// <summary>The JSON key that names the family.</summary>
    public const string FamilyKey = "family";

    /// <summary>The family of a configuration that names none.</summary>
    public const string DefaultFamily = "vit";

    /// <summary>Shape of one input: [3, H, W] for pictures, [3, T, H, W] for clips.</summary>
    [JsonIgnore]
    public abstract Shape InputShape { get; }

    /// <summary>What weights depend on: the same sizes without choices of training.</summary>
    [JsonIgnore]
    public BackboneConfig Sizes => this with { DropPath = 0 };

    /// <summary>The sizes of weights as they are written: what they were made of is past.</summary>
    [JsonIgnore]
    protected internal virtual BackboneConfig Written => Sizes;

    /// <summary>What an id of the <see cref="ModelZoo"/> stands for: the sizes without what different weights of one architecture
    /// choose.</summary>
    [JsonIgnore]
    protected internal virtual BackboneConfig Architecture => Sizes;

    /// <summary>What a model of these sizes is called when it has no id.</summary>
    [JsonIgnore]
    public abstract string DefaultId { get; }

    /// <summary>A configuration from JSON with snake_case keys, for example <c>{"embed_dim": 96, "depth": 6, "num_heads": 3}</c>; what is
    /// left out keeps its default.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidDataException">It is not such JSON, or has an unknown key or family.</exception>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public static BackboneConfig FromJson(string json, string source = "model configuration")
    {
        try
        {
            JsonNode? node = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (node is JsonObject section) NameFamily(section);
            BackboneConfig config = node.Deserialize(JsonKinds.Info<BackboneConfig>(ModelsJson.Default))
                ?? throw new InvalidDataException($"{source}: null is no configuration.");
            config.Validate();
            return config;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidDataException($"{source}: {JsonText.Explain(e)}.", e);
        }
    }

    /// <summary>Writes the default family into a configuration that names none.</summary>
    public static void NameFamily(JsonObject config) => config.TryAdd(FamilyKey, DefaultFamily);

    /// <summary>The configuration as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonKinds.Info<BackboneConfig>(ModelsJson.Default));

    /// <summary>The configuration as JSON: what a record would print of itself has no end, because <see cref="Sizes"/> is a configuration
    /// again.</summary>
    public sealed override string ToString() => ToJson();

    /// <summary>A model of these sizes, without weights and without a head.</summary>
    /// <param name="id">Its name in messages and files.</param>
    /// <param name="compute">Type of the products' inputs.</param>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public abstract Backbone Create(string id, DataType compute = DataType.Float32);

    /// <summary>Throws when the sizes contradict each other, naming all contradictions.</summary>
    /// <exception cref="ArgumentException">A size is not positive, or does not divide what it must divide.</exception>
    public abstract void Validate();

    /// <summary>The same for square frames of another side, in pixels.</summary>
    public abstract BackboneConfig WithImgSize(int side);

    /// <summary>The same for clips of another number of frames.</summary>
    /// <exception cref="ArgumentException">The model reads pictures.</exception>
    public virtual BackboneConfig WithNumFrames(int frames) =>
        throw new ArgumentException(
            $"{DefaultId} reads pictures of {InputShape[^2]}x{InputShape[^1]} pixels, not clips: num_frames {frames} is for video models.");

    /// <summary>The model for clips that is made of this one's weights.</summary>
    /// <param name="how">How its patch kernel is spread over the frames of a tubelet.</param>
    /// <param name="tokens">Whether the class token and the learned positions stay; otherwise positions are a fixed sinusoid table. For
    /// plain ViTs.</param>
    /// <exception cref="ArgumentException">It is no plain image ViT.</exception>
    public virtual BackboneConfig WithInflation(Inflation how, bool tokens = true) =>
        throw new ArgumentException($"{DefaultId} cannot be inflated: inflate is for the weights of plain image ViTs.");

    /// <summary>The same with the mean of the patch tokens in place of the class token, or the other way round.</summary>
    /// <exception cref="ArgumentException">The family has no such choice.</exception>
    public virtual BackboneConfig WithGlobalPool(bool globalPool) =>
        throw new ArgumentException($"{DefaultId} reads out its tokens in one way only: global_pool is a choice of plain image ViTs.");
}
