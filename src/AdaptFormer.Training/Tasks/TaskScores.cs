using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Tasks;

/// <summary>What scoring a data set says, in a task's own figures.</summary>
/// <param name="Images">Pictures scored.</param>
/// <param name="Loss">Mean loss.</param>
/// <param name="Figures">The task's figures by name, for example <c>top1</c>, in percent.</param>
[JsonConverter(typeof(TaskScoresConverter))]
public sealed record TaskScores(int Images, double Loss, IReadOnlyDictionary<string, double> Figures)
{
    /// <summary>One of the figures; null where there is none of that name.</summary>
    public double? this[string name] => Figures.TryGetValue(name, out double value) ? value : null;
}

/// <summary>
/// Writes scores as one flat object, <c>{"images": 20, "loss": 0.5, "top1": 80}</c>, which is how checkpoints of earlier versions hold
/// those of classification.
/// </summary>
internal sealed class TaskScoresConverter : JsonConverter<TaskScores>
{
    private const string Images = "images", Loss = "loss";

    public override TaskScores Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("scores are an object of numbers");
        Dictionary<string, double> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null) continue;
            if (reader.TokenType == JsonTokenType.Number) values[name] = reader.GetDouble();
            else if (reader.TokenType == JsonTokenType.String) values[name] = Named(name, reader.GetString()!);
            else throw new JsonException($"{name} of the scores is no number");
        }

        if (!values.Remove(Images, out double images) || !values.Remove(Loss, out double loss))
            throw new JsonException($"scores have {Images} and {Loss}");
        return new TaskScores((int)images, loss, values);
    }

    public override void Write(Utf8JsonWriter writer, TaskScores value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteNumber(Images, value.Images);
        Write(writer, Loss, value.Loss);
        foreach ((string name, double figure) in value.Figures) Write(writer, name, figure);
        writer.WriteEndObject();
    }

    // JSON has no number for these.
    private static void Write(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value)) writer.WriteNumber(name, value);
        else writer.WriteString(name, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }

    private static double Named(string name, string text) => text switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        _ => throw new JsonException($"{name} of the scores is no number"),
    };
}
