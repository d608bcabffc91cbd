using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Experiments;

/// <summary>One training of an experiment: a recipe without test data, and the folder that its content names.</summary>
/// <param name="Recipe">What to train; the test data are not in it, so that no trial can see them.</param>
public sealed record Trial(Recipe Recipe)
{
    private const int DigestDigits = 12;

    /// <summary>Name of the trial's folder: method, seed and a digest of the resolved recipe. Two trials of one name are the same
    /// training.</summary>
    public string Name { get; } = $"{Recipe.Tuning.Method}-s{Recipe.Seed}-{Digest(Recipe)}";

    /// <summary>The recipe as one line of JSON.</summary>
    public string RecipeLine => Line(Recipe);

    private static string Digest(Recipe recipe)
    {
        // Loading threads, the cache's place and what is shown change nothing that is learned.
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(
            Line(recipe with { Workers = 0, Tensorboard = true, Cache = recipe.Cache with { Folder = null, MaxGb = 1 } })));
        return Convert.ToHexStringLower(hash)[..DigestDigits];
    }

    private static string Line(Recipe recipe) => JsonNode.Parse(recipe.ToJson())!.ToJsonString();
}
