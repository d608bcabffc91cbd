using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace AdaptFormer.Models;

/// <summary>
/// The kinds of records that may stand in one place of a JSON text, told apart by a key: families of backbones, methods of tuning.
/// Attributes on the base record can name those of its own project alone; what is added here is known to every text that is read or
/// written from then on.
/// </summary>
public static class JsonKinds
{
    private static readonly Lock Gate = new();
    private static readonly ConcurrentDictionary<JsonSerializerContext, (Kind[] Of, JsonSerializerOptions Options)> Known = new();
    private static Kind[] _all = [];

    /// <summary>Adds a kind.</summary>
    /// <param name="baseType">The record that all kinds derive from.</param>
    /// <param name="key">The JSON key that names the kind.</param>
    /// <param name="type">The record.</param>
    /// <param name="name">What the key says of it.</param>
    /// <param name="json">What tells its properties: a source-generated context, or a <see cref="DefaultJsonTypeInfoResolver"/>.</param>
    /// <exception cref="ArgumentException">The name or the record is taken.</exception>
    public static void Add(Type baseType, string key, Type type, string name, IJsonTypeInfoResolver json)
    {
        if (!baseType.IsAssignableFrom(type) || type.IsAbstract)
            throw new ArgumentException($"{key} '{name}': {type.Name} is no {baseType.Name}, or abstract.", nameof(type));
        lock (Gate)
        {
            if (_all.Any(kind => kind.Base == baseType && (kind.Name == name || kind.Type == type)))
                throw new ArgumentException($"There is a {key} '{name}' already, or {type.Name} has another name.", nameof(name));
            _all = [.. _all, new Kind(baseType, key, type, name, json)];
        }
    }

    /// <summary>The kinds that were added for a base record, by name.</summary>
    public static IEnumerable<KeyValuePair<string, Type>> Of(Type baseType) =>
        _all.Where(kind => kind.Base == baseType).Select(kind => KeyValuePair.Create(kind.Name, kind.Type));

    /// <summary>How <typeparamref name="T"/> is written by a context's rules, with all kinds.</summary>
    public static JsonTypeInfo<T> Info<T>(JsonSerializerContext context) => (JsonTypeInfo<T>)Options(context).GetTypeInfo(typeof(T));

    /// <summary>The rules of a context, with all kinds.</summary>
    public static JsonSerializerOptions Options(JsonSerializerContext context)
    {
        Kind[] all = _all;
        if (Known.TryGetValue(context, out (Kind[] Of, JsonSerializerOptions Options) made) && made.Of == all) return made.Options;
        JsonSerializerOptions options = new(context.Options)
        {
            TypeInfoResolver = JsonTypeInfoResolver.Combine([context, .. all.Select(kind => kind.Json).Distinct()])
                .WithAddedModifier(info => AddKinds(info, all)),
        };
        options.MakeReadOnly();
        Known[context] = (all, options);
        return options;
    }

    private static void AddKinds(JsonTypeInfo info, Kind[] all)
    {
        foreach (Kind kind in all.Where(kind => kind.Base == info.Type))
        {
            info.PolymorphismOptions ??= new JsonPolymorphismOptions
            {
                TypeDiscriminatorPropertyName = kind.Key,
                UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization,
            };
            info.PolymorphismOptions.DerivedTypes.Add(new JsonDerivedType(kind.Type, kind.Name));
        }
    }

    private sealed record Kind(Type Base, string Key, Type Type, string Name, IJsonTypeInfoResolver Json);
}
