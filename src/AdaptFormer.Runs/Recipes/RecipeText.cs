using System.Text.Json;
using AdaptFormer.Files;

namespace AdaptFormer.Runs.Recipes;

/// <summary>Recipes and sweeps as people write them: JSON with comments, in a file that is not longer than such a file can be.</summary>
public static class RecipeText
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Comments and a comma after the last value are permitted, a key given twice is not.</summary>
    public static JsonDocumentOptions Options { get; } = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>The text of a file.</summary>
    /// <exception cref="RecipeException">It is longer than a megabyte, or no text.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string Read(string path)
    {
        try
        {
            return JsonText.Read(path, MaxBytes, "a recipe");
        }
        catch (InvalidDataException error)
        {
            throw new RecipeException(path, [error.Message[(path.Length + 2)..].TrimEnd('.')]);
        }
    }
}
