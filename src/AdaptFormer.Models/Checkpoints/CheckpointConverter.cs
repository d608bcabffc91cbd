using System.Buffers.Binary;
using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>What a conversion found and wrote.</summary>
/// <param name="From">Whose names the source used.</param>
/// <param name="Wrapper">The prefix that was taken off.</param>
/// <param name="To">Whose names were written.</param>
/// <param name="Tensors">Number of tensors written.</param>
/// <param name="LeftOut">Names that lay outside of the model and were not written.</param>
/// <param name="Notes">What else the file holds, in words.</param>
public sealed record ConversionReport(
    string From, string Wrapper, string To, int Tensors, IReadOnlyList<string> LeftOut, IReadOnlyList<string> Notes);

/// <summary>Rewrites a checkpoint under another project's names, as safetensors in f32. Values do not change; fused and split projections
/// do.</summary>
public static class CheckpointConverter
{
    private static readonly string[] HeadWords = ["classifier.", "cls_classifier.", "distillation_classifier.", "head.", "heads.",
        "head_dist.", "cls_head."];

    /// <summary>Reads the checkpoint at <paramref name="source"/> (any kind, any known naming) and writes it to
    /// <paramref name="target"/>.</summary>
    /// <param name="source">A weights file or a folder with one.</param>
    /// <param name="target">The safetensors file to write.</param>
    /// <param name="to">The names to write.</param>
    /// <param name="prefix">What stands ahead of the names when the source holds several models; found if null.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="InvalidDataException">The source is damaged or holds no known backbone.</exception>
    public static ConversionReport Convert(string source, string target, NameMap to, string? prefix = null)
    {
        CheckpointPlace place = CheckpointPlace.Find(source);
        ModelInFile found = ModelInFile.Open(place.WeightsPath, prefix);
        using WeightsFile file = found.File;
        BackboneNames names = found.Names;
        List<string> leftOut = [.. names.Outside];
        StateDict theirs = Named(names.Ours.Renamed(name =>
        {
            if (!IsOutOfPlace(name, names.Ours, to)) return name;
            leftOut.Add(name);
            return null;
        }), to);
        List<string> notes = [.. place.Notes];
        if (found.OthersNote is { } others) notes.Add(others);
        WeightsCard card = WeightsCard.Of(file);
        card = card with { Preprocessing = card.Preprocessing ?? place.ReadPreprocessing(notes), Labels = card.Labels ?? place.Labels };
        if (card.Labels is { } labels && ClassesOf(names.Ours) != labels.Count) card = card with { Labels = null };
        Save(target, theirs, card);
        return new ConversionReport(names.Map.Name, found.Wrapper, to.Name, theirs.Weights.Count, leftOut, notes);
    }

    /// <summary>Weights under another project's names, with the wrapper that it uses: Hugging Face's classifiers keep a ViT under
    /// <c>vit.</c>.</summary>
    /// <param name="ours">Weights under our names.</param>
    /// <param name="to">The naming.</param>
    public static StateDict Named(StateDict ours, NameMap to)
    {
        StateDict theirs = to.ToTheirs(ours);
        return to.AlwaysPrefixed || theirs.Weights.Keys.Any(IsHead)
            ? theirs.Renamed(name => IsHead(name) ? name : to.Prefix + name) : theirs;
    }

    /// <summary>Writes weights as safetensors, atomically, readable by PyTorch: f32 or f16, and whole numbers where PyTorch
    /// counts.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="weights">The tensors under the names to write.</param>
    /// <param name="card">What is said about the model beside the tensors; nothing if null.</param>
    /// <param name="type">How elements are stored: <see cref="FileDataType.Float32"/>, or <see cref="FileDataType.Float16"/>, rounded to
    /// nearest.</param>
    /// <exception cref="ArgumentException">The type is another one.</exception>
    /// <exception cref="InvalidDataException">A weight is too large for the type.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, StateDict weights, WeightsCard? card = null, FileDataType type = FileDataType.Float32)
    {
        SafetensorsWriter writer = new();
        writer.Metadata["format"] = "pt";
        card?.AddTo(writer.Metadata);
        foreach ((string name, StateDict.Weight weight) in weights.Weights) writer.Add(name, weight, type);
        writer.Save(path);
    }

    // A clip's tokens are normalised as a mean, by fc_norm; the encoder's own norm belongs to pre-training, as fc_norm and head belong to
    // a task.
    private static bool IsOutOfPlace(string name, StateDict ours, NameMap to)
    {
        if (BackboneFamily.IsComputed(name)) return true;
        if (BackboneFamily.Of(ours) is not VideoVitFamily) return false;
        return to == NameMaps.VideoMaePretraining
            ? IsHead(name) || name.StartsWith("fc_norm.", StringComparison.Ordinal) : name.StartsWith("norm.", StringComparison.Ordinal);
    }

    private static int? ClassesOf(StateDict ours) =>
        (ours.Weights.GetValueOrDefault("head.1.weight") ?? ours.Weights.GetValueOrDefault("head.weight")) is { Shape.Rank: 2 } head
            ? head.Shape[0] : null;

    private static bool IsHead(string name) => HeadWords.Any(word => name.StartsWith(word, StringComparison.Ordinal));
}

/// <summary>Writing the weights of a model.</summary>
public static class SafetensorsWriting
{
    extension(SafetensorsWriter writer)
    {
        /// <summary>Adds a weight as f32 or f16; PyTorch's counter of batches, <c>num_batches_tracked</c>, as the 64-bit number that it
        /// is there.</summary>
        /// <exception cref="ArgumentException">The name is taken or reserved, or the type is another one.</exception>
        public void Add(string name, StateDict.Weight weight, FileDataType type = FileDataType.Float32)
        {
            if (type is not (FileDataType.Float32 or FileDataType.Float16))
                throw new ArgumentException($"Weights are written as F32 or F16, not {type.SafetensorsName()}.", nameof(type));
            if (name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            {
                writer.Add(name, FileDataType.Int64, weight.Shape, stream =>
                {
                    byte[] bytes = new byte[sizeof(long)];
                    foreach (float value in weight.ToArray())
                    {
                        BinaryPrimitives.WriteInt64LittleEndian(bytes, (long)value);
                        stream.Write(bytes);
                    }
                });
                return;
            }

            writer.Add(name, type, weight.Shape, stream =>
            {
                float[] values = weight.ToArray();
                stream.Write(type == FileDataType.Float32
                    ? MemoryMarshal.AsBytes<float>(values) : MemoryMarshal.AsBytes<Half>(Halves(name, values)));
            });
        }
    }

    private static Half[] Halves(string name, float[] values)
    {
        Half[] halves = Array.ConvertAll(values, value => (Half)value);
        int lost = Array.FindIndex(halves, Half.IsInfinity);
        if (lost >= 0 && float.IsFinite(values[lost]))
            throw new InvalidDataException($"{name} holds {values[lost]}, which 16 bits cannot: write it as 32-bit floats.");
        return halves;
    }
}
