using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>Makes plain weights of what a task has learned: a backbone of a fully tuned model, for other tasks to start from, and a plain
/// model of an adapter that can be merged.</summary>
public static class TunedBackbone
{
    private const string HeadPrefix = "head.";

    /// <summary>Writes all weights but the head's, under timm's names, with what pictures must look like.</summary>
    /// <param name="adapter">An adapter file of <see cref="FullTuning"/>.</param>
    /// <param name="target">The safetensors file to write.</param>
    /// <param name="type">How elements are stored: <see cref="FileDataType.Float32"/>, or <see cref="FileDataType.Float16"/>, rounded to
    /// nearest.</param>
    /// <returns>What the adapter file says about itself.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, no adapter, or one of another method, which holds no backbone; or a
    /// weight is too large for the type.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static AdapterInfo Export(string adapter, string target, FileDataType type = FileDataType.Float32)
    {
        AdapterInfo info = AdapterFile.Open(adapter);
        if (info.Tuning is not FullTuning)
            throw new InvalidDataException(
                $"{adapter} holds what {info.Tuning.Method} has learned and no backbone; only full tuning changes all weights.");
        using WeightsFile file = WeightsFile.Open(adapter);
        StateDict backbone = StateDict.Of(file).Renamed(name => name.StartsWith(HeadPrefix, StringComparison.Ordinal) ? null : name);
        CheckpointConverter.Save(target, backbone,
            new WeightsCard(info.Preprocessing, Config: BackboneConfig.FromJson(info.Backbone.Config, adapter)), type);
        return info;
    }

    /// <summary>
    /// Writes a plain model that answers as <paramref name="model"/> does with the adapter, for programs that know no method: what the
    /// method learned is folded into the weights, the head into one linear layer. <paramref name="model"/> is left with the adapter
    /// attached.
    /// </summary>
    /// <param name="adapter">An adapter file of a method that can be merged.</param>
    /// <param name="model">The backbone that it was trained on.</param>
    /// <param name="target">The safetensors file to write.</param>
    /// <param name="names">The names to write.</param>
    /// <param name="type">How elements are stored: <see cref="FileDataType.Float32"/>, or <see cref="FileDataType.Float16"/>, rounded to
    /// nearest.</param>
    /// <returns>What the adapter file says about itself.</returns>
    /// <exception cref="ArgumentException">The method cannot be merged; the message says why.</exception>
    /// <exception cref="InvalidDataException">The adapter is damaged or does not fit the model, or a weight is too large for the
    /// type.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static AdapterInfo Merge(string adapter, Backbone model, string target, NameMap names, FileDataType type = FileDataType.Float32)
    {
        AdapterInfo info = AdapterFile.Load(adapter, model);
        MergedWeights merged = info.Tuning.Merge(model);
        try
        {
            StateDict weights = StateDict.Of(model).Renamed(name => name.StartsWith(HeadPrefix, StringComparison.Ordinal) ? null : name);
            Head head = model.Head!;
            (float[] weight, float[] bias) = head.ToLinear();
            weights.Add($"{HeadPrefix}weight", new StateDict.Weight(new Shape(head.Classes, head.Features), weight.CopyTo));
            weights.Add($"{HeadPrefix}bias", new StateDict.Weight(new Shape(head.Classes), bias.CopyTo));
            CheckpointConverter.Save(target, CheckpointConverter.Named(weights, names),
                new WeightsCard(info.Preprocessing, info.Labels, info.MultiLabel, model.Config), type);
        }
        finally
        {
            merged.Unmerge();
        }

        return info;
    }
}
