using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors.Files;

namespace AdaptFormer.Peft;

/// <summary>Makes a backbone of what full tuning has learned, for other tasks to start from: this is how a backbone is pre-trained here.</summary>
public static class TunedBackbone
{
    private const string HeadPrefix = "head.";

    /// <summary>Writes all weights but the head's, under timm's names, with what pictures must look like.</summary>
    /// <param name="adapter">An adapter file of <see cref="FullTuning"/>.</param>
    /// <param name="target">The safetensors file to write.</param>
    /// <param name="type">How elements are stored: <see cref="FileDataType.Float32"/>, or <see cref="FileDataType.Float16"/>, rounded to nearest.</param>
    /// <returns>What the adapter file says about itself.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, no adapter, or one of another method, which holds no backbone; or a weight is too large for the type.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static AdapterInfo Export(string adapter, string target, FileDataType type = FileDataType.Float32)
    {
        AdapterInfo info = AdapterFile.Open(adapter);
        if (info.Tuning is not FullTuning)
            throw new InvalidDataException($"{adapter} holds what {info.Tuning.Method} has learned and no backbone; only full tuning changes all weights.");
        using WeightsFile file = WeightsFile.Open(adapter);
        StateDict backbone = StateDict.Of(file).Renamed(name => name.StartsWith(HeadPrefix, StringComparison.Ordinal) ? null : name);
        CheckpointConverter.Save(target, backbone, info.Preprocessing, type);
        return info;
    }
}
