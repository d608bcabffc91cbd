using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace AdaptFormer.Files;

/// <summary>JSON that people and other programs write: read within bounds, and whole before anything of it is used.</summary>
public static class JsonText
{
    private const string HalfCharacter = "a text holds half of a character (a lone surrogate, or no UTF-8)";
    private static readonly byte[] Utf8Mark = [0xEF, 0xBB, 0xBF], Utf16Mark = [0xFF, 0xFE], Utf16BigMark = [0xFE, 0xFF];

    /// <summary>The text of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">More are not read.</param>
    /// <param name="what">What it should be, for messages, such as <c>a recipe</c>.</param>
    /// <exception cref="IOException">It cannot be read, or is a folder, a pipe or a device.</exception>
    /// <exception cref="InvalidDataException">It is too long, or no text.</exception>
    public static string Read(string path, int maxBytes, string what)
    {
        byte[] bytes = RegularFile.ReadAllBytes(path, maxBytes, what);
        if (bytes.AsSpan().StartsWith(Utf16Mark) || bytes.AsSpan().StartsWith(Utf16BigMark))
            throw BadFile.Error(path, "it is text in UTF-16; save it as UTF-8");
        ReadOnlySpan<byte> text = bytes.AsSpan().StartsWith(Utf8Mark) ? bytes.AsSpan(Utf8Mark.Length) : bytes;
        return Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw BadFile.Error(path, "it is not text in UTF-8");
    }

    /// <summary>
    /// Requires that every text in a JSON document is whole. An escape may name half of a character (a lone surrogate such as
    /// <c>\ud800</c>); .NET's document accepts it and fails whenever somebody asks for that text.
    /// </summary>
    /// <param name="json">The document.</param>
    /// <param name="comments">Whether comments and trailing commas are allowed.</param>
    /// <exception cref="JsonException">A text is not whole, or it is no JSON.</exception>
    public static void RequireWhole(string json, bool comments = false) => RequireWhole(Encoding.UTF8.GetBytes(json), comments);

    /// <summary>The same for bytes.</summary>
    /// <param name="json">The document.</param>
    /// <param name="comments">Whether comments and trailing commas are allowed.</param>
    /// <exception cref="JsonException">A text is not whole, or it is no JSON.</exception>
    public static void RequireWhole(ReadOnlySpan<byte> json, bool comments = false)
    {
        if (json.StartsWith(Utf8Mark)) json = json[Utf8Mark.Length..];
        Utf8JsonReader reader = new(json, new JsonReaderOptions
        {
            CommentHandling = comments ? JsonCommentHandling.Skip : JsonCommentHandling.Disallow,
            AllowTrailingCommas = comments,
        });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || IsWhole(ref reader)) continue;
            int at = (int)reader.TokenStartIndex, line = json[..at].Count((byte)'\n'), start = json[..at].LastIndexOf((byte)'\n') + 1;
            string place = $"LineNumber: {line} | BytePositionInLine: {at - start}.";
            throw new JsonException($"{HalfCharacter}. {place}", path: null, line, at - start);
        }
    }

    /// <summary>
    /// What is wrong with a document, in words for whoever wrote it: .NET's own name its types and advise programmers. Where it is stands
    /// ahead of it.
    /// </summary>
    /// <param name="error">What reading threw.</param>
    public static string Explain(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        string text = error.Message.Split(" Path:")[0].Split(" LineNumber:")[0].TrimEnd('.');
        if (text.Contains("allow null values", StringComparison.Ordinal)) text = "null is no value for it";
        else if (text.Contains("could not be converted to", StringComparison.Ordinal)) text = "a value of another kind is expected";
        else if (text.Contains("UTF-16", StringComparison.Ordinal)) text = HalfCharacter;
        return error is JsonException { Path.Length: > 2 } json ? $"{BadFile.Shorten(json.Path[2..])}: {text}" : text;
    }

    private static bool IsWhole(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped) return Utf8.IsValid(reader.ValueSpan);
        try
        {
            _ = reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
