using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Files;
using AdaptFormer.Models;

namespace AdaptFormer.Runs.Recipes;

/// <summary>
/// Compares a recipe's JSON tree with the records that it becomes, before it becomes them: so that every unknown key, missing
/// key and wrong type is found at once and named by its full path. The records themselves are the schema.
/// </summary>
internal static class RecipeSchema
{
    private static JsonSerializerOptions Options => JsonKinds.Options(RecipeJson.Default);

    /// <summary>Adds to <paramref name="problems"/> whatever keeps <paramref name="root"/> from becoming the recipe whose form is
    /// <paramref name="schema"/>.</summary>
    public static void Check(JsonObject root, JsonTypeInfo schema, ICollection<string> problems) =>
        CheckSection(root, schema, "", problems);

    /// <summary>What stands at <paramref name="path"/> in a recipe like <paramref name="root"/>; null where nothing is known.</summary>
    public static JsonTypeInfo? Find(JsonObject root, JsonTypeInfo schema, ReadOnlySpan<string> path)
    {
        JsonTypeInfo type = schema;
        JsonNode? node = root;
        foreach (string key in path)
        {
            JsonObject? section = node as JsonObject;
            JsonTypeInfo? variant = section is null ? type : Variant(section, type) ?? type;
            JsonPropertyInfo? property = variant.Properties.FirstOrDefault(p => p.Name == key);
            if (property is null) return null;
            type = Resolve(property.PropertyType);
            node = section?[key];
        }

        return type;
    }

    /// <summary>The key that picks a variant (<c>method</c> of tuning), or null for a section of one kind only.</summary>
    public static string? Discriminator(JsonTypeInfo type) => type.PolymorphismOptions?.TypeDiscriminatorPropertyName;

    private static void CheckSection(JsonObject section, JsonTypeInfo type, string path, ICollection<string> problems)
    {
        string? discriminator = Discriminator(type);
        JsonTypeInfo? variant = discriminator is null ? type : CheckedVariant(section, type, Join(path, discriminator), problems);
        if (variant is null) return;

        JsonPropertyInfo[] properties = [.. variant.Properties.Where(p => p.Get is not null && p.AssociatedParameter is not null)];
        string[] known = [.. properties.Select(p => p.Name)];
        foreach ((string key, JsonNode? value) in section)
        {
            if (key == discriminator) continue;
            int index = Array.IndexOf(known, key);
            if (index >= 0) CheckValue(value, properties[index], Join(path, key), problems);
            else problems.Add(UnknownKey(Join(path, key), key, discriminator is null ? known : [discriminator, .. known]));
        }

        foreach (JsonPropertyInfo property in properties)
            if (!property.AssociatedParameter!.HasDefaultValue && !section.ContainsKey(property.Name))
                problems.Add($"{Join(path, property.Name)} is missing");
    }

    private static void CheckValue(JsonNode? value, JsonPropertyInfo property, string path, ICollection<string> problems)
    {
        JsonTypeInfo type = Resolve(property.PropertyType);
        if (value is null)
        {
            bool nullable = property.AssociatedParameter!.IsNullable || Nullable.GetUnderlyingType(property.PropertyType) is not null;
            if (!nullable) problems.Add($"{path} is null; expected {Expected(type)}");
        }
        else if (type.Kind == JsonTypeInfoKind.Object)
        {
            if (value is JsonObject section) CheckSection(section, type, path, problems);
            else problems.Add($"{path} is {Show(value)}; expected a section, {{ … }}");
        }
        else if (!Converts(value, type))
        {
            problems.Add(type.Type.IsEnum && value.GetValueKind() == JsonValueKind.String
                ? Spelling.Unknown(path, value.GetValue<string>(), EnumNames(type))
                : $"{path} is {Show(value)}; expected {Expected(type)}");
        }
    }

    private static JsonTypeInfo? CheckedVariant(JsonObject section, JsonTypeInfo type, string path, ICollection<string> problems)
    {
        string discriminator = Discriminator(type)!;
        if (Variant(section, type) is { } variant) return variant;

        string[] known = [.. type.PolymorphismOptions!.DerivedTypes.Select(derived => $"{derived.TypeDiscriminator}")];
        problems.Add(section[discriminator] switch
        {
            null => $"{path} is missing; known: {string.Join(", ", known)}",
            JsonValue name when name.GetValueKind() == JsonValueKind.String => Spelling.Unknown(path, name.GetValue<string>(), known),
            JsonNode other => $"{path} is {Show(other)}; known: {string.Join(", ", known)}",
        });
        return null;
    }

    private static JsonTypeInfo? Variant(JsonObject section, JsonTypeInfo type)
    {
        if (type.PolymorphismOptions is not { } options) return type;
        if (section[options.TypeDiscriminatorPropertyName] is not JsonValue value || value.GetValueKind() != JsonValueKind.String)
            return null;
        string name = value.GetValue<string>();
        foreach (JsonDerivedType derived in options.DerivedTypes)
            if (derived.TypeDiscriminator is string own && own == name) return Options.GetTypeInfo(derived.DerivedType);
        return null;
    }

    private static JsonTypeInfo Resolve(Type type) => Options.GetTypeInfo(Nullable.GetUnderlyingType(type) ?? type);

    private static bool Converts(JsonNode value, JsonTypeInfo type)
    {
        try
        {
            object? converted = value.Deserialize(type);
            return converted is not (double.NaN or float.NaN or double.PositiveInfinity or double.NegativeInfinity or float.PositiveInfinity
                or float.NegativeInfinity);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or NotSupportedException)
        {
            return false;
        }
    }

    private static string UnknownKey(string path, string key, string[] known)
    {
        string guess = Spelling.Nearest(key, known) is { } nearest ? $" (did you mean '{nearest}'?)" : "";
        return $"{path} is not known{guess}; known: {string.Join(", ", known)}";
    }

    private static string Expected(JsonTypeInfo type)
    {
        Type plain = type.Type;
        if (plain.IsEnum) return $"one of {string.Join(", ", EnumNames(type))}";
        if (plain == typeof(int) || plain == typeof(long)) return "a whole number";
        if (plain == typeof(float) || plain == typeof(double)) return "a number";
        if (plain == typeof(bool)) return "true or false";
        if (plain == typeof(string)) return "a text";
        return type.Kind == JsonTypeInfoKind.Enumerable
            ? "a list" : type.Kind == JsonTypeInfoKind.Object ? "a section, { … }" : "another kind of value";
    }

    private static string[] EnumNames(JsonTypeInfo type) =>
        [.. Enum.GetValuesAsUnderlyingType(type.Type).Cast<object>()
            .Select(value => JsonSerializer.SerializeToNode(Enum.ToObject(type.Type, value), type)!.GetValue<string>())];

    private static string Show(JsonNode value)
    {
        string text = value.ToJsonString();
        return text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 57), "...");
    }

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
