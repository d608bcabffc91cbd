using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using Xunit;

namespace AdaptFormer.Tests.Files;

public sealed class JsonTextTests
{
    private static readonly JsonSerializerOptions Strict = new() { RespectNullableAnnotations = true, TypeInfoResolver = Sample.Default };

    [Theory]
    [InlineData("""{"Layers": null, "Width": 1}""", "Layers: null is no value for it")]
    [InlineData("""{"Layers": "1", "Width": "wide"}""", "Width: a value of another kind is expected")]
    [InlineData("""{"Layers": "1", "Width": 99999999999}""", "Width: a value of another kind is expected")]
    [InlineData("""{"Layers": "\ud800", "Width": 1}""", "Layers: a value of another kind is expected")]
    public void Errors_name_the_place_and_speak_of_no_types(string json, string expected)
    {
        Exception error = Assert.ThrowsAny<Exception>(() => JsonSerializer.Deserialize<Kept>(json, Strict));
        Assert.Equal(expected, JsonText.Explain(error));
    }

    [Fact]
    public void Half_of_a_character_is_named_wherever_it_comes_out()
    {
        using JsonDocument document = JsonDocument.Parse("""["\ud800"]""");
        Exception late = Assert.Throws<InvalidOperationException>(() => document.RootElement[0].GetString());
        JsonException early = Assert.Throws<JsonException>(() => JsonText.RequireWhole("""["\ud800"]"""));
        Assert.Equal(JsonText.Explain(early), JsonText.Explain(late));
        Assert.StartsWith("a text holds half of a character", JsonText.Explain(early), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_json_keeps_the_parser_s_words_without_its_coordinates()
    {
        string text = JsonText.Explain(Assert.ThrowsAny<JsonException>(() => JsonDocument.Parse("{\"a\":")));
        Assert.DoesNotContain("LineNumber", text, StringComparison.Ordinal);
        Assert.False(text.EndsWith('.'));
    }

    internal sealed record Kept(string Layers, int Width);
}

[JsonSerializable(typeof(JsonTextTests.Kept))]
internal sealed partial class Sample : JsonSerializerContext;
