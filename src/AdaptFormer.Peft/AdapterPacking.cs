using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Peft;

/// <summary>
/// Adapter files in few bits a number, for shops with thousands of tasks: matrices in 1, 2, 4 or 8 bits (the head's in 4 at least), biases,
/// norms and statistics as 16-bit floats. Whatever reads adapter files reads these, into the type in which the model computes.
/// </summary>
public static class AdapterPacking
{
    /// <summary>The numbers of bits that there are.</summary>
    public static IReadOnlyList<int> Choices { get; } = [1, 2, 4, 8, AdapterTensors.Plain];

    /// <summary>
    /// Writes an adapter file anew with other bits a number, atomically. The new file's self-test is what the packed numbers answer; that
    /// of the old one is run first. The figures of its training stay as they are: measure again what it costs.
    /// </summary>
    /// <param name="adapter">An adapter file.</param>
    /// <param name="target">The file to write.</param>
    /// <param name="model">The backbone that it was trained on, which stays as it is.</param>
    /// <param name="bits">1, 2, 4 or 8; 32 writes the numbers of a packed file as they are.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentException">
    /// There is no such number of bits, the adapter is of full tuning, or a number is beyond what 16-bit floats hold.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, does not fit the backbone, fails its self-test, or holds numbers that are not finite.
    /// </exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static AdapterInfo Pack(string adapter, string target, Backbone model, int bits)
    {
        if (!Choices.Contains(bits)) throw new ArgumentException($"{bits} bits a number: possible are {string.Join(", ", Choices)}.");
        using WeightsFile file = WeightsFile.Open(adapter);
        AdapterInfo info = AdapterHeader.Read(file);
        if (info.Tuning is FullTuning)
            throw new ArgumentException(
                $"{adapter}: full tuning is a model of its own and no adapter; convert --to timm --float16 halves it.");
        using (AdapterTask original = AdapterTask.Load(adapter, model)) original.CheckAnswer();

        using Backbone twin = AdapterFile.Attached(file, model, info);
        IReadOnlyDictionary<string, Shape> shapes = AdapterFile.Saved(twin);
        Dictionary<string, float[]> values = AdapterFile.ReadAll(file, shapes);
        if (values.FirstOrDefault(tensor => !Array.TrueForAll(tensor.Value, float.IsFinite)) is { Key: { } damaged })
            throw BadFile.Error(adapter, damaged, "it holds numbers that are not finite");
        SafetensorsWriter writer = new();
        Dictionary<string, float[]> kept = AdapterTensors.Write(
            writer, shapes.ToDictionary(shape => shape.Key, shape => (shape.Value, values[shape.Key])), bits);
        using AdapterTask packed = AdapterTask.Of(info, model, twin, kept);
        float[] answer = AdapterFile.Answer(model, pixels => model.Forward(pixels, packed.Slots));
        info = info with
        {
            Path = target,
            Bits = bits,
            SelfTest = new SelfTest(Backend.Current.Name, AdapterFile.Name(model.Compute), answer),
        };
        AdapterHeader.Write(writer.Metadata, info);
        writer.Save(target);
        return info with { FileBytes = new FileInfo(target).Length };
    }
}
