using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Models;

namespace AdaptFormer.Export;

/// <summary>What an exported file says about itself, beside its graph.</summary>
/// <param name="FormatVersion">Of this text.</param>
/// <param name="Model">The backbone's id.</param>
/// <param name="Backbone">The digest of the backbone's weights; empty for a fully tuned model.</param>
/// <param name="Weights">How weights are kept.</param>
/// <param name="Input">Which input there is: <see cref="OnnxNames.Image"/>, <see cref="OnnxNames.Clip"/> or
/// <see cref="OnnxNames.Pixels"/>.</param>
/// <param name="Orientation">The rule for pictures that say how they are to be turned, in words.</param>
/// <param name="Preprocessing">What pictures must look like; done in the graph unless the input is
/// <see cref="OnnxNames.Pixels"/>.</param>
/// <param name="Tasks">What it answers.</param>
/// <param name="SelfTest">An input and the answers to it.</param>
public sealed record OnnxCard(
    int FormatVersion, string Model, string Backbone, WeightStorage Weights, string Input, string Orientation, Preprocessing Preprocessing,
    IReadOnlyList<OnnxTaskCard> Tasks, OnnxSelfTest SelfTest)
{
    /// <summary>The version that is written.</summary>
    public const int Version = 1;

    /// <summary>Reads the text.</summary>
    /// <param name="json">The text under <see cref="OnnxNames.Card"/>.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidDataException">It is damaged, or of another version.</exception>
    public static OnnxCard FromJson(string json, string path)
    {
        OnnxCard? card;
        try
        {
            card = JsonSerializer.Deserialize(json, OnnxJson.Default.OnnxCard);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException)
        {
            throw new InvalidDataException($"{path}: what it says about itself cannot be read: {e.Message}", e);
        }

        if (card is null) throw new InvalidDataException($"{path}: what it says about itself is empty.");
        if (card.FormatVersion != Version)
            throw new InvalidDataException($"{path} is of version {card.FormatVersion}, this program reads {Version}; export the "
                + "model again.");
        if (card is not { Tasks.Count: > 0, SelfTest: not null, Preprocessing: not null }
            || card.Tasks.Any(task => task is not { Labels.Count: > 0, Output.Length: > 0 }))
            throw new InvalidDataException($"{path}: what it says about itself is not complete: a task with labels, a self-test and "
                + "the preprocessing are expected.");
        Preprocessing pictures = Preprocessing.FromJson(card.Preprocessing.ToJson(), path);      // values in their ranges
        if (card.Fault is { } fault) throw new InvalidDataException($"{path}: what it says about itself contradicts itself: {fault}.");
        return card with { Preprocessing = pictures };
    }

    private const int MostNumbers = 1 << 28;

    /// <summary>What does not fit together, in words; null if all does.</summary>
    private string? Fault
    {
        get
        {
            IReadOnlyList<int> shape = SelfTest.Shape ?? [];
            double numbers = shape.Aggregate(1.0, (product, axis) => product * axis);
            if (shape.Count is not (4 or 5) || shape.Any(axis => axis < 1) || numbers > MostNumbers)
                return $"its self-test's input is [{string.Join(", ", shape)}]";
            bool isBytes = Input is OnnxNames.Image or OnnxNames.Clip;
            if (!isBytes && Input != OnnxNames.Pixels) return $"its input is '{Input}'";
            if (isBytes != SelfTest.Bytes is not null || (SelfTest.Bytes is { } bytes && bytes.Length != numbers))
                return $"its self-test has {SelfTest.Bytes?.Length ?? 0} bytes for [{string.Join(", ", shape)}]";
            if (Tasks.FirstOrDefault(one => SelfTest.Answers?.GetValueOrDefault(one.Output)?.Length != one.Labels.Count) is { } task)
                return $"its self-test does not answer the {task.Labels.Count} classes of '{task.Name}'";
            return SelfTest.Tolerance is >= 0 and < double.PositiveInfinity ? null : $"its tolerance is {SelfTest.Tolerance}";
        }
    }

    /// <summary>The text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, OnnxJson.Default.OnnxCard);
}

/// <summary>One answer of an exported file.</summary>
/// <param name="Name">What the task is called.</param>
/// <param name="Output">The output with its logits.</param>
/// <param name="Labels">Names of the classes.</param>
/// <param name="MultiLabel">Whether a picture may have several classes: then each logit has a sigmoid of its own.</param>
/// <param name="Method">How it was tuned; null for a model without a method.</param>
/// <param name="Digest">SHA-256 of the adapter file; null where there is none.</param>
public sealed record OnnxTaskCard(
    string Name, string Output, IReadOnlyList<string> Labels, bool MultiLabel, string? Method = null, string? Digest = null);

/// <summary>An input and what the model answers to it, as computed by this library when the file was written.</summary>
/// <param name="Shape">Axes of the input, the batch of one included.</param>
/// <param name="Bytes">A picture or clip, row by row, RGB, as base64; null where the input is
/// <see cref="OnnxNames.Pixels"/>: element i is then ((7919·i) mod 1024)/512 − 1.</param>
/// <param name="Answers">The logits by output.</param>
/// <param name="Tolerance">How far a runtime's logits may be from these.</param>
public sealed record OnnxSelfTest(
    IReadOnlyList<int> Shape, byte[]? Bytes, IReadOnlyDictionary<string, float[]> Answers, double Tolerance)
{
    /// <summary>The input where it is no picture.</summary>
    public float[] Pixels()
    {
        float[] pixels = new float[Shape.Aggregate(1, (length, axis) => length * axis)];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = ((7919L * i % 1024) / 512f) - 1;
        return pixels;
    }
}

/// <summary>How it is written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OnnxCard))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class OnnxJson : JsonSerializerContext;
