using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>Fills a model from a checkpoint: all of it or nothing, and every misfit is named.</summary>
public static class WeightLoader
{
    /// <summary>
    /// Copies (or maps in place) every weight of <paramref name="state"/> into the parameter of its name. Nothing is changed when something
    /// does not fit.
    /// </summary>
    /// <param name="model">The model; buffers count as parameters here.</param>
    /// <param name="state">Weights under our names.</param>
    /// <param name="source">What is loaded, for messages: a path.</param>
    /// <param name="ignore">Names in the checkpoint that the model need not have (a head that is replaced); none if null.</param>
    /// <param name="optional">Names in the model that the checkpoint need not have; none if null.</param>
    /// <param name="advice">What to do about a weight (by name) of another shape, put in brackets behind it; null where there is nothing
    /// to say.</param>
    /// <exception cref="InvalidDataException">Weights are missing, unexpected, or of another shape; all are named. Or a number is not
    /// finite.</exception>
    public static void Load(
        Module model, StateDict state, string source, Predicate<string>? ignore = null, Predicate<string>? optional = null,
        Func<string, string?>? advice = null)
    {
        Dictionary<string, Parameter> wanted = model.State().ToDictionary(entry => entry.Key, entry => entry.Value.Tensor);
        string[] missing = [.. wanted.Keys.Where(name => !state.Weights.ContainsKey(name) && optional?.Invoke(name) != true)];
        string[] unexpected = [.. state.Weights.Keys.Where(name => !wanted.ContainsKey(name) && ignore?.Invoke(name) != true)];
        string[] misshapen =
        [
            .. wanted.Where(entry => state.Weights.TryGetValue(entry.Key, out StateDict.Weight? weight)
                && weight.Shape != entry.Value.Shape)
                .Select(entry =>
                    $"{entry.Key} is {state.Weights[entry.Key].Shape}, expected {entry.Value.Shape}{Bracket(advice?.Invoke(entry.Key))}"),
        ];
        if (missing.Length + unexpected.Length + misshapen.Length > 0)
        {
            string name = model is Backbone backbone ? backbone.Id : "the model";
            throw new InvalidDataException($"{source} does not fit {name}: {string.Join("; ", Faults(missing, unexpected, misshapen))}.");
        }

        FiniteWeights.Require(state.Weights.Where(entry => wanted.ContainsKey(entry.Key)), source);
        foreach ((string name, Parameter parameter) in wanted)
        {
            if (!state.Weights.TryGetValue(name, out StateDict.Weight? weight)) continue;
            if (weight.Mapped is { } mapped) parameter.Borrow(mapped.Pointer, mapped.Owner, mapped.Release);
            else parameter.Assign(weight.ToArray());
        }
    }

    private static string Bracket(string? advice) => advice is null ? "" : $" ({advice})";

    private static IEnumerable<string> Faults(string[] missing, string[] unexpected, string[] misshapen)
    {
        if (missing.Length > 0) yield return $"missing {string.Join(", ", missing)}";
        if (unexpected.Length > 0) yield return $"unexpected {string.Join(", ", unexpected)}";
        if (misshapen.Length > 0) yield return string.Join(", ", misshapen);
    }
}
