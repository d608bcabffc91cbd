using System.Globalization;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// Checkpoints of the authors' PyTorch code, in and out: <c>blocks.i.adaptmlp.…</c>, <c>embeddings.i</c>, <c>head.0.…</c> and
/// <c>head.1.…</c>, with or without the
/// backbone under their split names.
/// </summary>
public static class OfficialCheckpoint
{
    /// <summary>Attaches what a checkpoint of the authors' code trained to <paramref name="model"/>; save it with
    /// <see cref="AdapterFile.Save"/>.</summary>
    /// <param name="path">The checkpoint: the whole model as the authors save it, or the trained tensors alone.</param>
    /// <param name="model">The backbone. If the checkpoint holds one too, it must be the same.</param>
    /// <param name="tuning">
    /// What shapes cannot tell: an adapter's scale, position and where its norm stands, or that everything was tuned; the authors' image
    /// settings if null. Sizes are the file's.
    /// </param>
    /// <returns>The method, with its sizes read from the file.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, has no head, was trained on another backbone, or does not fit the
    /// method; all misfits are named.</exception>
    public static Tuning Import(string path, Backbone model, Tuning? tuning = null)
    {
        using WeightsFile file = WeightsFile.Open(path);
        StateDict ours = Ours(file);
        (string headName, HeadKind kind) = ours.Weights.ContainsKey("head.1.weight")
            ? ("head.1.weight", HeadKind.BatchNorm) : ("head.weight", HeadKind.Plain);
        if (!ours.Weights.TryGetValue(headName, out StateDict.Weight? head))
            throw BadFile.Error(path, "it has no head (head.1.weight or head.weight), so it is no fine-tuned checkpoint");
        if (ours.Weights.Keys.FirstOrDefault(name => name.Contains(".adaptmlp.down_conv.", StringComparison.Ordinal)
            || name.Contains(".adaptmlp.dwconv.", StringComparison.Ordinal)) is { } convolution)
            throw BadFile.Error(path,
                $"it has {convolution}: the authors' code has no adapters with convolutions, so this is no checkpoint of theirs");
        Tuning found = tuning is FullTuning ? tuning : Infer(ours, kind, tuning as AdaptFormerTuning ?? AdaptFormerTuning.OfficialImage);
        IReadOnlyDictionary<string, Shape> trained = AdapterFile.SavedShapes(model, found, head.Shape[0]);
        CheckBackbone(path, model, ours, trained);

        TuningSeams before = TuningSeams.TakeFrom(model);
        try
        {
            found.Attach(model, head.Shape[0], new Rng(0));
            HashSet<string> frozen = [.. model.State().Select(entry => entry.Key).Where(name => !trained.ContainsKey(name))];
            WeightLoader.Load(model, Copied(ours, name => !frozen.Contains(name)), path, optional: frozen.Contains);
        }
        catch
        {
            before.PutBack();
            throw;
        }

        before.Dispose();
        return found;
    }

    /// <summary>Writes what <paramref name="tuning"/> trained under the names of the authors' code, as safetensors.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="model">The tuned model.</param>
    /// <param name="tuning">The method attached to it.</param>
    /// <param name="wholeModel">Writes the backbone too, as the authors' checkpoints do.</param>
    /// <exception cref="ArgumentException">The model has no head, or the authors' code does not know the method.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Export(string path, Backbone model, Tuning tuning, bool wholeModel = false)
    {
        if (Unknown(tuning, model) is { } what)
            throw new ArgumentException($"{path}: the authors' code has no {what}, so it could not read such a checkpoint; convert "
                + "writes AdaptMLP, deep prompts, linear and full tuning for it.");
        int classes = model.Head?.Classes ?? throw new ArgumentException($"{model.Id}: a model without a head has nothing to export.");
        IReadOnlyDictionary<string, Shape> trained = AdapterFile.SavedShapes(model, tuning, classes);
        StateDict ours = StateDict.Of(model).Renamed(name => wholeModel || trained.ContainsKey(name) ? name : null);
        CheckpointConverter.Save(path, CheckpointConverter.Named(ours, NameMaps.OfficialAdaptFormer));
    }

    /// <summary>What of a method the authors' code does not know, in words; null if it knows all of it.</summary>
    private static string? Unknown(Tuning tuning, Backbone model) => tuning switch
    {
        LinearProbe or FullTuning or VptTuning { Deep: true } => null,
        VptTuning => "shallow prompts",
        AdaptFormerTuning { Form: not AdapterForm.Mlp } => "convolution in its adapters (Table 8 is described and not published)",
        AdaptFormerTuning { Input: AdapterInput.SharedNorm } => "adapter that reads the block's own norm",
        AdaptFormerTuning { Activation: not AdapterActivation.Relu } => "other nonlinearity than ReLU in its adapters",
        AdaptFormerTuning { Bias: false } => "adapters without biases",
        AdaptFormerTuning adapters when LayerRange.Parse(adapters.Layers, model.Blocks.Count).Count < model.Blocks.Count =>
            "adapters in some blocks only",
        AdaptFormerTuning => null,
        _ => $"method '{tuning.Method}'",
    };

    // Data-parallel training leaves a prefix on every name.
    private static StateDict Ours(WeightsFile file)
    {
        StateDict theirs = StateDict.Of(file);
        const string Prefix = "module.";
        if (theirs.Weights.Keys.All(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
            theirs = theirs.Renamed(name => name[Prefix.Length..]);
        return NameMaps.All.MaxBy(map => map.Hits(theirs))!.ToOurs(theirs);
    }

    // The file closes when the import ends, so nothing may be read in place.
    private static StateDict Copied(StateDict state, Predicate<string> wanted)
    {
        StateDict copies = new();
        foreach ((string name, StateDict.Weight weight) in state.Weights)
        {
            if (wanted(name)) copies.Add(name, new StateDict.Weight(weight.Shape, weight.Read));
        }

        return copies;
    }

    private static Tuning Infer(StateDict ours, HeadKind kind, AdaptFormerTuning template)
    {
        Dictionary<string, Shape> shapes = ours.Weights.ToDictionary(entry => entry.Key, entry => entry.Value.Shape);
        int prompts = shapes.Keys.Count(name => name.StartsWith("embeddings.", StringComparison.Ordinal));
        if (prompts > 0) return new VptTuning(shapes["embeddings.0"][1], Deep: prompts > 1, kind);

        int[] blocks = [.. shapes.Keys.Select(AdaptedBlock).OfType<int>().Order()];
        if (blocks.Length == 0) return new LinearProbe(kind);
        string first = $"blocks.{blocks[0]}.adaptmlp.";
        int depth = shapes.Keys.Count(name => name.StartsWith("blocks.", StringComparison.Ordinal)
            && name.EndsWith(".norm1.weight", StringComparison.Ordinal));
        bool all = blocks.SequenceEqual(Enumerable.Range(0, depth == 0 ? blocks.Length : depth));
        bool learnsScale = shapes.ContainsKey($"{first}scale"), hasNorm = shapes.ContainsKey($"{first}adapter_layer_norm_before.weight");
        bool sameNorm = hasNorm == (template.Input is AdapterInput.OwnNormIn or AdapterInput.OwnNormOut);
        return template with
        {
            Bottleneck = shapes[$"{first}down_proj.weight"][0],
            LearnScale = learnsScale,
            Scale = learnsScale ? 1 : template.Scale,
            Input = sameNorm ? template.Input : hasNorm ? AdapterInput.OwnNormIn : AdapterInput.Residual,
            Bias = shapes.ContainsKey($"{first}down_proj.bias"),
            Layers = all ? "all" : string.Join(',', blocks.Select(block => block + 1)),
            Head = kind,
        };
    }

    private static int? AdaptedBlock(string name)
    {
        string[] parts = name.Split('.');
        return parts is ["blocks", var block, "adaptmlp", "down_proj", "weight"]
            && int.TryParse(block, NumberStyles.None, CultureInfo.InvariantCulture, out int i) ? i : null;
    }

    private static void CheckBackbone(string path, Backbone model, StateDict ours, IReadOnlyDictionary<string, Shape> trained)
    {
        List<string> differing = [];
        foreach ((string name, Parameter parameter) in model.Parameters())
        {
            if (trained.ContainsKey(name) || !ours.Weights.TryGetValue(name, out StateDict.Weight? weight)) continue;
            if (weight.Shape != parameter.Shape || !parameter.ToArray().AsSpan().SequenceEqual(weight.ToArray())) differing.Add(name);
        }

        if (differing.Count == 0) return;
        string shown = string.Join(", ", differing.Take(4));
        throw new InvalidDataException($"{path} was trained on another backbone than {model.Id}: {differing.Count} weights differ "
            + $"({shown}{(differing.Count > 4 ? ", …" : "")}).");
    }
}
