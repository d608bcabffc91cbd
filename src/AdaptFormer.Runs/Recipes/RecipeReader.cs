using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Files;
using AdaptFormer.Models;

namespace AdaptFormer.Runs.Recipes;

/// <summary>From the text of a recipe to a <see cref="Recipe"/>: parse, edit, expand a preset, compare with the schema, convert, check
/// ranges.</summary>
internal static class RecipeReader
{
    public static Recipe Load(string path, IEnumerable<string> overrides) =>
        Load(path, overrides, JsonKinds.Info<Recipe>(RecipeJson.Default), static recipe => recipe.Problems());

    public static Recipe Parse(string json, string source, IEnumerable<string> overrides) =>
        Parse(json, source, overrides, JsonKinds.Info<Recipe>(RecipeJson.Default), static recipe => recipe.Problems());

    /// <summary>Reads a recipe of any form: <paramref name="type"/> is its schema, <paramref name="check"/> finds what is out of
    /// range.</summary>
    public static T Load<T>(string path, IEnumerable<string> overrides, JsonTypeInfo<T> type, Func<T, List<string>> check) =>
        Parse(RecipeText.Read(path), path, overrides, type, check);

    /// <summary>Whether a file that was read as a recipe says something of a key.</summary>
    public static bool Says(string path, params ReadOnlySpan<string> key)
    {
        JsonNode? at = ParseTree(RecipeText.Read(path), path);
        foreach (string name in key) at = at is JsonObject section ? section[name] : null;
        return at is not null;
    }

    private static T Parse<T>(string json, string source, IEnumerable<string> overrides, JsonTypeInfo<T> type, Func<T, List<string>> check)
    {
        JsonObject root = ParseTree(json, source);
        List<string> problems = [];
        NameFamily(root);
        RecipeOverrides.Apply(root, type, overrides, problems);
        NameFamily(root);      // an edit may have made the section
        RecipePresets.Expand(root, problems);
        RecipeSchema.Check(root, type, problems);
        if (problems.Count > 0) throw new RecipeException(source, problems);

        T recipe;
        try
        {
            recipe = root.Deserialize(type)!;
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new RecipeException(source, [JsonText.Explain(error)]);
        }

        problems = check(recipe);
        return problems.Count == 0 ? recipe : throw new RecipeException(source, problems);
    }

    private static void NameFamily(JsonObject root)
    {
        if (root["model"] is JsonObject model && model["config"] is JsonObject config) BackboneConfig.NameFamily(config);
    }

    private static JsonObject ParseTree(string json, string source)
    {
        try
        {
            JsonText.RequireWhole(json, comments: true);
            return JsonNode.Parse(json, documentOptions: RecipeText.Options) as JsonObject
                ?? throw new RecipeException(source, ["a recipe is one JSON object, { … }"]);
        }
        catch (JsonException error)
        {
            string place = error.LineNumber is { } line ? $"line {line + 1}, column {error.BytePositionInLine + 1}: " : "";
            string text = error.Message.Split(" LineNumber:")[0].Split(" Path:")[0];
            throw new RecipeException(source, [$"{place}not valid JSON: {text.TrimEnd('.')}"]);
        }
    }
}
