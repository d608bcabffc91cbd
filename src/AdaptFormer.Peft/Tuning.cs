using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// A way to tune a frozen backbone. The record is configuration, defaults and JSON form at once; the attribute list below is the registry of
/// methods. A new method is one file and one line here, and touches no backbone.
/// </summary>
/// <param name="Head">The classifier's form; BatchNorm follows the authors' code.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "method", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(AdaptFormerTuning), "adaptformer")]
[JsonDerivedType(typeof(VptTuning), "vpt")]
[JsonDerivedType(typeof(LinearProbe), "linear")]
[JsonDerivedType(typeof(FullTuning), "full")]
public abstract record Tuning(HeadKind Head = HeadKind.BatchNorm)
{
    private static readonly Dictionary<Type, string> Ids = typeof(Tuning).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false)
        .Cast<JsonDerivedTypeAttribute>().ToDictionary(entry => entry.DerivedType, entry => (string)entry.TypeDiscriminator!);

    /// <summary>The ids of all methods, as recipes and adapter files write them.</summary>
    public static IReadOnlyCollection<string> Methods => Ids.Values;

    /// <summary>The method's id, for example <c>adaptformer</c>.</summary>
    [JsonIgnore]
    public string Method => Ids[GetType()];

    /// <summary>The method as an equation, for people: what <c>describe</c> prints.</summary>
    [JsonIgnore]
    public abstract string Formula { get; }

    /// <summary>
    /// Takes an earlier method's modules out, freezes the backbone, adds what the method trains, and puts a fresh head of <paramref name="classes"/> classes in
    /// place. What trains is said here and never inferred: the method's own parameters, the head, and the head's norm if there is one.
    /// Weights of the backbone that full tuning or the norm's training changed stay changed.
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

    /// <summary>Throws when an option is out of range for <paramref name="model"/>.</summary>
    /// <exception cref="ArgumentException">It names every option that is wrong.</exception>
    public virtual void Validate(Backbone model)
    {
    }

    /// <summary>Adds the method's own modules, trainable, or lets parts of the backbone train.</summary>
    private protected abstract void AddTo(Backbone model, Rng rng);
}
