using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>Starts training from what an adapter file holds, and not from fresh values.</summary>
public static class WarmStart
{
    private const string HeadPrefix = "head.";

    /// <summary>
    /// Copies the values of an adapter file into a model to which the same method is attached. The head is taken too where the classes are
    /// the same, in the same order; otherwise it stays as it is. When anything does not fit, the model stays as it was.
    /// </summary>
    /// <param name="path">An adapter file.</param>
    /// <param name="model">The model, with <paramref name="tuning"/> attached.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="labels">Names of the model's classes.</param>
    /// <returns>What was taken and what was not, in words.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged, no adapter, of another method, or of other shapes.</exception>
    public static IReadOnlyList<string> Apply(string path, Backbone model, Tuning tuning, IReadOnlyList<string> labels)
    {
        using WeightsFile file = WeightsFile.Open(path);
        AdapterInfo info = AdapterHeader.Read(file);
        if (info.Tuning.Method != tuning.Method)
        {
            throw new InvalidDataException(
                $"{path} holds what {info.Tuning.Method} learned, and {tuning.Method} is to be trained; "
                + "start from an adapter of the same method.");
        }

        bool sameClasses = info.Labels.SequenceEqual(labels);
        IReadOnlyDictionary<string, Shape> all = AdapterFile.Saved(model);
        string[] wanted = [.. all.Keys.Where(name => sameClasses || !IsHead(name))];
        AdapterTensors held = AdapterTensors.Of(file);
        RequireShapes(path, held.Shapes, all, wanted);

        Dictionary<string, Parameter> own = [];
        foreach ((string name, (Parameter tensor, _)) in model.State()) own[name] = tensor;
        float[][] values = [.. wanted.Select(held.Read)];
        for (int i = 0; i < wanted.Length; i++) own[wanted[i]].Assign(values[i]);
        return [.. Notes(info, model, sameClasses, labels)];
    }

    private static bool IsHead(string name) => name.StartsWith(HeadPrefix, StringComparison.Ordinal);

    private static void RequireShapes(
        string path, IReadOnlyDictionary<string, Shape> held, IReadOnlyDictionary<string, Shape> all, string[] wanted)
    {
        List<string> faults = [];
        foreach (string name in wanted)
        {
            if (!held.TryGetValue(name, out Shape shape)) faults.Add($"missing {name}");
            else if (shape != all[name]) faults.Add($"{name} is {shape}, expected {all[name]}");
        }

        faults.AddRange(held.Keys
            .Where(name => !IsHead(name) && !all.ContainsKey(name)).Select(name => $"unexpected {BadFile.Shorten(name)}"));
        if (faults.Count == 0) return;
        string more = faults.Count > 8 ? $" and {faults.Count - 8} more" : "";
        throw new InvalidDataException(
            $"{path} has other shapes than what is to be trained: {string.Join("; ", faults.Take(8))}{more}. "
            + "Start from an adapter with the same options on a backbone of the same sizes.");
    }

    private static IEnumerable<string> Notes(AdapterInfo info, Backbone model, bool sameClasses, IReadOnlyList<string> labels)
    {
        yield return sameClasses
            ? $"training starts from {info.Path}, its head included: the {labels.Count} classes are the same"
            : $"training starts from {info.Path} with a fresh head: it knows {Some(info.Labels)}, the data have {Some(labels)}";
        if (info.Backbone.Digest.Length > 0 && info.Backbone.Digest != model.ContentDigest())
            yield return
                $"{info.Path} was trained on other weights of {info.Backbone.Id} than those it starts on here; its values may help less";
    }

    private static string Some(IReadOnlyList<string> labels) =>
        $"{labels.Count} classes ({string.Join(", ", labels.Take(4))}{(labels.Count > 4 ? ", …" : "")})";
}
