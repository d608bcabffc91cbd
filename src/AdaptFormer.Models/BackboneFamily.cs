using System.Text.Json.Serialization.Metadata;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// What the loader has to know about a kind of backbone: how its checkpoints are recognised, which sizes their shapes tell, and what of
/// them a model of given sizes takes.
/// A family is its configuration, its model and one of these, made known by <see cref="Register"/>.
/// </summary>
public abstract class BackboneFamily
{
    private static readonly Lock Gate = new();
    private static BackboneFamily[] _all = [];

    /// <summary>Every family; the first that recognises weights takes them.</summary>
    public static IReadOnlyList<BackboneFamily> All => _all;

    /// <summary>What <c>family</c> says in a configuration, for example <c>swin</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The family's configuration record.</summary>
    public abstract Type ConfigType { get; }

    /// <summary>
    /// Makes a family known: to the loader, which asks it about weights that no family before it recognises, and to whatever reads
    /// configurations, such as recipes and adapter files.
    /// </summary>
    /// <param name="family">The family.</param>
    /// <param name="json">
    /// What tells the properties of its configuration: the source-generated context of the family's own project, or a
    /// <see cref="DefaultJsonTypeInfoResolver"/>.
    /// </param>
    /// <exception cref="ArgumentException">There is a family of this name.</exception>
    public static void Register(BackboneFamily family, IJsonTypeInfoResolver json)
    {
        JsonKinds.Add(typeof(BackboneConfig), BackboneConfig.FamilyKey, family.ConfigType, family.Name, json);
        lock (Gate) _all = [.. _all, family];
    }

    /// <summary>The family of a configuration.</summary>
    public static BackboneFamily Of(BackboneConfig config) => All.First(family => family.ConfigType == config.GetType());

    /// <summary>The family whose names and shapes these are; null for none.</summary>
    public static BackboneFamily? Of(StateDict ours) => All.FirstOrDefault(family => family.Recognises(ours));

    /// <summary>Whether these are weights of this family, by names and shapes alone.</summary>
    public abstract bool Recognises(StateDict ours);

    /// <summary>The sizes that <paramref name="ours"/> tell.</summary>
    /// <param name="ours">Weights under our names.</param>
    /// <param name="path">For messages.</param>
    /// <param name="hints">What shapes cannot tell.</param>
    /// <exception cref="InvalidDataException">A weight that the sizes are read from is missing or has a shape that no model of the family
    /// has.</exception>
    public abstract BackboneConfig Infer(StateDict ours, string path, WeightHints hints);

    /// <summary>The sizes of a known id, fitted to what the file really holds; what was changed is told in
    /// <paramref name="notes"/>.</summary>
    public virtual BackboneConfig Fit(BackboneConfig config, StateDict ours, ICollection<string> notes) => config;

    /// <summary>The weights as a model of the family holds them, where checkpoints split what it keeps together.</summary>
    public virtual StateDict Prepared(StateDict ours) => ours;

    /// <summary>Refuses weights that the sizes alone would not refuse rightly.</summary>
    /// <param name="ours">Weights under our names.</param>
    /// <param name="config">The sizes of the model.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="InvalidDataException">A part of the model is not supported.</exception>
    public virtual void Check(StateDict ours, BackboneConfig config, string path)
    {
    }

    /// <summary>Changes weights that do not fit as they are: position tables where another size of the input was asked for, image weights
    /// for clips.</summary>
    /// <param name="state">Weights under our names, to be changed.</param>
    /// <param name="file">The sizes of the weights; another family's, where the model is made of one.</param>
    /// <param name="model">The sizes of the model.</param>
    /// <param name="sizeWasAsked">Whether the caller named a size of the input; nothing is resized unasked.</param>
    /// <param name="path">For messages.</param>
    /// <param name="changes">What was done, in words.</param>
    /// <exception cref="InvalidDataException">The weights cannot be made to fit.</exception>
    public virtual void Adapt(
        StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes)
    {
    }

    /// <summary>Whether a checkpoint's tensor of this name follows from the sizes and is made anew: Swin's buffers, which not every
    /// naming stores.</summary>
    public static bool IsComputed(string name) =>
        name.EndsWith(".relative_position_index", StringComparison.Ordinal) || name.EndsWith(".attn_mask", StringComparison.Ordinal);

    /// <summary>Why a model of these sizes has no use for the weight of this name; null when it has.</summary>
    public virtual string? ReasonToIgnore(string name, BackboneConfig config) => null;

    /// <summary>Whether the model's weight of this name starts anew when the file does not have it.</summary>
    public virtual bool MayStartAnew(string name, BackboneConfig config) => false;

    /// <summary>What to do about a weight of another shape than the model's; null where there is nothing to say.</summary>
    public virtual string? Advice(string name, BackboneConfig config) => null;

    /// <summary>The number of blocks in a list of them, from names <c>LIST.i.…</c>.</summary>
    protected static int Depth(StateDict ours, string list)
    {
        int depth = 0;
        foreach (string name in ours.Weights.Keys)
        {
            if (!name.StartsWith(list, StringComparison.Ordinal) || name.Length <= list.Length || name[list.Length] != '.') continue;
            string rest = name[(list.Length + 1)..];
            int dot = rest.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && int.TryParse(rest.AsSpan(0, dot), System.Globalization.NumberStyles.None,
                System.Globalization.CultureInfo.InvariantCulture, out int block) && block < 4096)
                depth = Math.Max(depth, block + 1);
        }

        return depth;
    }

    /// <summary>The shape of a weight that sizes are read from.</summary>
    /// <exception cref="InvalidDataException">It is missing, or has another number of axes.</exception>
    protected static Shape Require(StateDict ours, string name, int rank, string path, string model)
    {
        if (!ours.Weights.TryGetValue(name, out StateDict.Weight? weight))
            throw new InvalidDataException($"{path}: {name} is missing; it is no {model}, or not a whole one.");
        return weight.Shape.Rank == rank
            ? weight.Shape : throw new InvalidDataException($"{path}: {name} is {weight.Shape}, expected {rank} axes.");
    }

    /// <summary>Attention heads, which no shape tells: as given, else C/64.</summary>
    /// <exception cref="InvalidDataException">Nothing says, and 64 does not divide C.</exception>
    protected static int Heads(int dim, WeightHints hints, string path) => hints.NumHeads ?? (dim % 64 == 0
        ? dim / 64
        : throw new InvalidDataException($"{path}: the number of attention heads is not in the shapes, and EmbedDim {dim} is no "
        + "multiple of 64; give the model's id or its number of heads."));
}

/// <summary>What the shapes of weights cannot tell, from the caller or from the files beside them.</summary>
/// <param name="NumHeads">Attention heads.</param>
/// <param name="NormEps">ε of the norms.</param>
/// <param name="ImgSize">Side of a frame in pixels, where no table of positions tells it.</param>
/// <param name="NumFrames">Frames of a clip, which no table of positions tells.</param>
/// <param name="Activation">The nonlinearity of the feed-forward layers.</param>
public sealed record WeightHints(
    int? NumHeads = null, float? NormEps = null, int? ImgSize = null, int? NumFrames = null, MlpActivation? Activation = null);
