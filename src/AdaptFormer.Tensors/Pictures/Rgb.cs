using System.Text.Json;
using System.Text.Json.Serialization;

namespace AdaptFormer.Tensors.Pictures;

/// <summary>One number for each of the channels R, G and B, on the scale where white is 1.</summary>
[JsonConverter(typeof(RgbConverter))]
public readonly record struct Rgb(float R, float G, float B)
{
    /// <summary>The three numbers, R first.</summary>
    public float[] ToArray() => [R, G, B];

    /// <summary>For example <c>(0.485, 0.456, 0.406)</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"({R:0.####}, {G:0.####}, {B:0.####})");
}

/// <summary>Writes three channels as a list of three numbers.</summary>
public sealed class RgbConverter : JsonConverter<Rgb>
{
    /// <inheritdoc/>
    public override Rgb Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<float> values = stackalloc float[3];
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("a list of three numbers is expected");
        foreach (ref float value in values)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number) throw new JsonException("a list of three numbers is expected");
            value = reader.GetSingle();
        }

        if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray) throw new JsonException("a list of three numbers is expected");
        return new Rgb(values[0], values[1], values[2]);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Rgb value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (float channel in value.ToArray()) writer.WriteNumberValue(channel);
        writer.WriteEndArray();
    }
}
