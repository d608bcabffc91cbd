using AdaptFormer.Files;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>A known model: its sizes, and what its published weights expect and answer.</summary>
/// <param name="Id">timm's name, or MAE's.</param>
/// <param name="Config">Sizes.</param>
/// <param name="Preprocessing">What pictures must look like for the published weights.</param>
/// <param name="Classes">K of the published head; 0 when it has none.</param>
public sealed record ModelDescription(string Id, BackboneConfig Config, Preprocessing Preprocessing, int Classes)
{
    /// <summary>A model of these sizes, without weights and without a head.</summary>
    public Backbone Create(DataType compute = DataType.Float32) => Config.Create(Id, compute);
}

/// <summary>Models by their ids.</summary>
public static class ModelZoo
{
    private static readonly Lock Gate = new();
    private static OrderedDictionary<string, ModelDescription>? _known;

    /// <summary>The models that come with the project; set when it is loaded.</summary>
    internal static Func<IEnumerable<ModelDescription>> Published { get; set; } = static () => [];

    /// <summary>All ids.</summary>
    public static IEnumerable<string> Ids => Known.Keys;

    /// <summary>Makes another model known by its id.</summary>
    /// <exception cref="ArgumentException">The id is taken.</exception>
    public static void Register(ModelDescription model)
    {
        lock (Gate)
        {
            OrderedDictionary<string, ModelDescription> known = Known;
            if (known.ContainsKey(model.Id)) throw new ArgumentException($"There is a model '{model.Id}' already.", nameof(model));
            _known = ById(known.Values.Append(model));       // who reads meanwhile keeps the old one
        }
    }

    /// <summary>The model of this id.</summary>
    /// <exception cref="ArgumentException">The id is not known; the message names the nearest that is.</exception>
    public static ModelDescription Get(string id) => Known.TryGetValue(id, out ModelDescription? model)
        ? model
        : throw new ArgumentException(
            $"Model '{id}' is not known{(Spelling.Nearest(id, Ids) is { } nearest ? $" (did you mean '{nearest}'?)" : "")}; " +
            $"'adaptformer models' and ModelZoo.Ids list the {Known.Count} that are. For other sizes give a configuration.");

    /// <summary>Whether there is a model of this id.</summary>
    public static bool Contains(string id) => Known.ContainsKey(id);

    /// <summary>The model of these sizes, if it has an id; weights of other statistics share the sizes, so this names an architecture
    /// only.</summary>
    public static string? ArchitectureOf(BackboneConfig config)
    {
        BackboneConfig sizes = config.Architecture;
        return Known.Values.FirstOrDefault(model => model.Config == sizes)?.Id;
    }

    private static OrderedDictionary<string, ModelDescription> Known => _known ?? First();

    private static OrderedDictionary<string, ModelDescription> First()
    {
        lock (Gate) return _known ??= ById(Published());
    }

    private static OrderedDictionary<string, ModelDescription> ById(IEnumerable<ModelDescription> models)
    {
        OrderedDictionary<string, ModelDescription> known = new(StringComparer.Ordinal);
        foreach (ModelDescription model in models) known.Add(model.Id, model);
        return known;
    }
}
