using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Export;

/// <summary>What a model's weights are called, and which are the backbone's own.</summary>
internal sealed class WeightNames
{
    private readonly Dictionary<Tensor, string> _names = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _backbone;

    /// <summary>The names of a model with what is attached to it.</summary>
    public WeightNames(Backbone model)
    {
        foreach ((string name, (Parameter tensor, _)) in model.State()) _names[tensor] = name;
        using Backbone empty = model.CreateEmpty();
        _backbone = [.. empty.Parameters().Select(entry => entry.Key)];
    }

    /// <summary>The weight's name; that of a constant if it is none of the model's.</summary>
    public string Of(Tensor? weight, string otherwise) =>
        weight is not null && _names.TryGetValue(weight, out string? name) ? name : otherwise;

    /// <summary>Whether it is a weight of the plain backbone.</summary>
    public bool IsBackbone(Tensor weight) => _names.TryGetValue(weight, out string? name) && _backbone.Contains(name);

    /// <summary>The layer that a weight belongs to: its name without the last part.</summary>
    public string LayerOf(Tensor weight, string otherwise)
    {
        string name = Of(weight, "");
        int end = name.LastIndexOf('.');
        return end > 0 ? name[..end] : otherwise;
    }
}
