using System.Buffers;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// An adapter file read apart from the model: a task to hand to passes of one backbone, which is read for it but never changed. Any number
/// of tasks may be in memory, and any thread may ask any of them. Immutable.
/// </summary>
public sealed class AdapterTask : IDisposable
{
    private readonly Backbone _backbone;

    private AdapterTask(AdapterInfo info, Backbone backbone, TaskSlots slots) => (Info, _backbone, Slots) = (info, backbone, slots);

    /// <summary>What the file says about itself: the method, the classes' names, what pictures must look like.</summary>
    public AdapterInfo Info { get; }

    /// <summary>What to hand to a pass: <see cref="Backbone.Forward(Tensor, TaskSlots)"/>.</summary>
    public TaskSlots Slots { get; }

    /// <summary>
    /// Bytes of native memory that the task holds. Matrices are kept once, in the form that products read, from their first use on.
    /// </summary>
    public long Bytes => Slots.Bytes;

    /// <summary>
    /// Reads an adapter for <paramref name="backbone"/>, which stays as it is: its passes may go on meanwhile. The self-test is left to
    /// <see cref="CheckAnswer"/>.
    /// </summary>
    /// <param name="path">An adapter file.</param>
    /// <param name="backbone">The backbone that it was trained on.</param>
    /// <param name="preprocessing">What the caller's pictures look like, to be held against the adapter's; not compared if null.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of another version, does not fit this backbone or data, or is of full tuning, which is a backbone of its own.
    /// </exception>
    public static AdapterTask Load(string path, Backbone backbone, Preprocessing? preprocessing = null)
    {
        using WeightsFile file = WeightsFile.Open(path);
        AdapterInfo info = AdapterHeader.Read(file);
        if (info.Tuning is FullTuning)
        {
            throw new InvalidDataException(
                $"{path}: full tuning changes every weight, so this task shares nothing with a backbone; "
                + "open it as a model of its own (AdapterFile.Load).");
        }

        string[] faults = [.. AdapterFile.Misfits(info, backbone, preprocessing, classes: null)];
        if (faults.Length > 0) throw new InvalidDataException($"{path} does not fit: {string.Join("; ", faults)}.");

        using Backbone twin = AdapterFile.Attached(file, backbone, info);
        AdapterTensors held = AdapterFile.Held(file, AdapterFile.Saved(twin));
        return Of(info, backbone, twin, held.Shapes.Keys.ToHashSet(), held.Read);
    }

    /// <summary>A task of numbers that are in memory.</summary>
    /// <param name="info">What its file says, or will.</param>
    /// <param name="backbone">The backbone that answers.</param>
    /// <param name="twin">An empty copy of it with the method attached; it is left without the method.</param>
    /// <param name="values">What the method trained, by name.</param>
    internal static AdapterTask Of(AdapterInfo info, Backbone backbone, Backbone twin, IReadOnlyDictionary<string, float[]> values) =>
        Of(info, backbone, twin, values.Keys.ToHashSet(), (name, into) => values[name].CopyTo(into));

    private static AdapterTask Of(AdapterInfo info, Backbone backbone, Backbone twin, HashSet<string> names, Read read)
    {
        List<(string Name, Parameter Tensor)> wanted =
            [.. twin.State().Where(entry => names.Contains(entry.Key)).Select(entry => (entry.Key, entry.Value.Tensor))];

        // One piece of memory for all tensors, used again by the next task: a server that loads all day leaves nothing to collect.
        float[] rented = ArrayPool<float>.Shared.Rent((int)wanted.Max(entry => entry.Tensor.Length));
        try
        {
            foreach ((string name, Parameter tensor) in wanted)
            {
                Span<float> values = rented.AsSpan(0, (int)tensor.Length);
                read(name, values);
                tensor.Assign(values);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }

        return new AdapterTask(info, backbone, TaskSlots.MoveOut(twin, backbone));
    }

    private delegate void Read(string name, Span<float> into);

    /// <summary>
    /// The self-test: whether the task answers a fixed input as it did when the file was written. It runs one sample through the backbone,
    /// which also brings the task's matrices into the form that products read; best on the thread that loads.
    /// </summary>
    /// <exception cref="InvalidDataException">It answers otherwise.</exception>
    public void CheckAnswer() => AdapterFile.CheckAnswer(Info, _backbone, pixels => _backbone.Forward(pixels, Slots));

    /// <summary>Frees the task's memory; no pass may use it any more.</summary>
    public void Dispose() => Slots.Dispose();
}
