using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// A way to tune a frozen backbone. The record is configuration, defaults and JSON form at once; the attribute list below is the registry
/// of methods. A new method is one file and one line here, and touches no backbone; one of another project registers itself.
/// </summary>
/// <param name="Head">The classifier's form; BatchNorm follows the authors' code.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "method", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(AdaptFormerTuning), "adaptformer")]
[JsonDerivedType(typeof(VptTuning), "vpt")]
[JsonDerivedType(typeof(LoraTuning), "lora")]
[JsonDerivedType(typeof(SsfTuning), "ssf")]
[JsonDerivedType(typeof(HoulsbyTuning), "houlsby")]
[JsonDerivedType(typeof(Ia3Tuning), "ia3")]
[JsonDerivedType(typeof(BitFitTuning), "bitfit")]
[JsonDerivedType(typeof(NormTuning), "norm")]
[JsonDerivedType(typeof(LinearProbe), "linear")]
[JsonDerivedType(typeof(FullTuning), "full")]
public abstract record Tuning(HeadKind Head = HeadKind.BatchNorm)
{
    private static readonly Dictionary<Type, string> Ours = typeof(Tuning)
        .GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false).Cast<JsonDerivedTypeAttribute>()
        .ToDictionary(entry => entry.DerivedType, entry => (string)entry.TypeDiscriminator!);

    /// <summary>The ids of all methods, as recipes and adapter files write them.</summary>
    public static IReadOnlyCollection<string> Methods => [.. Ours.Values, .. JsonKinds.Of(typeof(Tuning)).Select(kind => kind.Key)];

    /// <summary>The method's id, for example <c>adaptformer</c>.</summary>
    [JsonIgnore]
    public string Method => Ours.TryGetValue(GetType(), out string? id) ? id : JsonKinds.Of(typeof(Tuning))
        .Where(kind => kind.Value == GetType()).Select(kind => kind.Key).FirstOrDefault()
        ?? throw new InvalidOperationException($"{GetType().Name} is no known method; Tuning.Register makes it one.");

    /// <summary>
    /// Makes a method of another project known: to recipes, adapter files, <see cref="Default"/> and everything else that names methods.
    /// </summary>
    /// <typeparam name="T">Its record; every property has a default.</typeparam>
    /// <param name="method">Its id, which no other method has.</param>
    /// <param name="json">
    /// What tells the record's properties: the source-generated context of its own project, or a <c>DefaultJsonTypeInfoResolver</c>.
    /// </param>
    /// <exception cref="ArgumentException">The id is taken.</exception>
    public static void Register<T>(string method, IJsonTypeInfoResolver json) where T : Tuning
    {
        if (Methods.Contains(method)) throw new ArgumentException($"There is a method '{method}' already.", nameof(method));
        JsonKinds.Add(typeof(Tuning), "method", typeof(T), method, json);
    }

    /// <summary>The method as an equation, for people: what <c>describe</c> prints.</summary>
    [JsonIgnore]
    public abstract string Formula { get; }

    /// <summary>
    /// Takes an earlier method's modules out, freezes the backbone, adds what the method trains, and puts a fresh head of
    /// <paramref name="classes"/> classes in place. What trains is said here and never inferred: the method's own parameters, the head, and
    /// the head's norm if there is one. Weights of the backbone that an earlier method trained in place (biases, norms) get their numbers
    /// back; those that full tuning or the head's norm changed stay changed.
    /// </summary>
    /// <param name="model">A backbone with its pre-trained weights.</param>
    /// <param name="classes">K, at least 1.</param>
    /// <param name="rng">Starting values of everything new.</param>
    /// <exception cref="ArgumentException">An option is out of range for this backbone.</exception>
    public void Attach(Backbone model, int classes, Rng rng)
    {
        Validate(model);
        if (classes < 1) throw new ArgumentException($"Tuning.Attach: classes is {classes}, expected at least 1.");
        TuningSeams.TakeFrom(model).Dispose();
        model.Freeze();
        AddTo(model, rng.Derive(0));
        foreach (Module norm in model.HeadNorms) norm.Unfreeze();
        model.ReplaceHead(new Head(Head, model.NumFeatures, classes, rng.Derive(1)));
        model.Head!.Unfreeze();
    }

    /// <summary>The method of this id with all its defaults.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists those that are there.</exception>
    public static Tuning Default(string method) => Methods.Contains(method)
        ? JsonSerializer.Deserialize($$"""{"method": "{{method}}"}""", JsonKinds.Info<Tuning>(AdapterJson.Default))!
        : throw new ArgumentException($"{Spelling.Unknown("Method", method, [.. Methods])}.");

    /// <summary>
    /// Folds what the method learned into the backbone's weights, which then answers as before without any module of the method's; the head
    /// stays. For methods that train weights of the backbone in place there is nothing to do.
    /// </summary>
    /// <param name="model">A model with this method attached.</param>
    /// <returns>What takes it back.</returns>
    /// <exception cref="ArgumentException">What the method adds cannot be written as weights of the backbone.</exception>
    public MergedWeights Merge(Backbone model)
    {
        if (NothingToMerge is { } reason) throw new ArgumentException($"{Method} cannot be merged into the backbone: {reason}.");
        MergedWeights merged = new();
        try
        {
            Fold(model, merged);
        }
        catch
        {
            merged.Unmerge();
            throw;
        }

        return merged;
    }

    /// <summary>Why what the method adds cannot become weights of the backbone, as words that follow a colon; null if it can.</summary>
    [JsonIgnore]
    public virtual string? NothingToMerge => null;

    /// <summary>Folds the method's modules into weights.</summary>
    protected virtual void Fold(Backbone model, MergedWeights merged)
    {
    }

    /// <summary>
    /// A length that the method's tensors have of it alone (a bottleneck, a rank). Those of a file must have it: a number in the metadata
    /// could ask for any memory.
    /// </summary>
    [JsonIgnore]
    protected internal virtual int? Width => null;

    /// <summary>Throws when an option is out of range for <paramref name="model"/>.</summary>
    /// <exception cref="ArgumentException">It names every option that is wrong.</exception>
    public virtual void Validate(Backbone model)
    {
    }

    /// <summary>Adds the method's own modules, trainable, or lets parts of the backbone train.</summary>
    protected abstract void AddTo(Backbone model, Rng rng);
}
