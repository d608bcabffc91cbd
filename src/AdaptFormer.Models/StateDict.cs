using AdaptFormer.Files;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>Named weights that are read on demand: a file's, a model's, or a renamed view of either.</summary>
public sealed class StateDict
{
    private readonly OrderedDictionary<string, Weight> _weights = [];

    /// <summary>The names and weights, in order.</summary>
    public IReadOnlyDictionary<string, Weight> Weights => _weights;

    /// <summary>A view of an open file, which must stay open while weights are read; what is mapped is used in place.</summary>
    public static StateDict Of(WeightsFile file)
    {
        StateDict state = new();
        foreach ((string name, WeightsEntry entry) in file.Entries)
        {
            bool inPlace = entry.Type == FileDataType.Float32 & file.TryGetPointer(entry, out nint pointer) && pointer % sizeof(float) == 0;
            state.Add(name, new Weight(entry.Shape, destination => file.ReadFloat32(entry, destination))
            {
                Mapped = inPlace ? (pointer, file, () => file.ReleasePages(entry)) : null,
            });
        }

        return state;
    }

    /// <summary>A view of a model's parameters and buffers.</summary>
    public static StateDict Of(Module model)
    {
        StateDict state = new();
        foreach ((string name, (Parameter tensor, _)) in model.State()) state.Add(name, Weight.Of(tensor));
        return state;
    }

    /// <summary>Adds a weight; a name that is there is replaced.</summary>
    public void Add(string name, Weight weight) => _weights[name] = weight;

    /// <summary>Takes a weight out.</summary>
    public void Remove(string name) => _weights.Remove(name);

    /// <summary>The same weights under other names; those that <paramref name="rename"/> answers with null are left out.</summary>
    public StateDict Renamed(Func<string, string?> rename)
    {
        StateDict state = new();
        foreach ((string name, Weight weight) in _weights)
        {
            if (rename(name) is { } newName) state.Add(newName, weight);
        }

        return state;
    }

    /// <summary>One tensor of a checkpoint.</summary>
    /// <param name="Shape">Its shape.</param>
    /// <param name="Read">Writes its elements, row-major, as f32.</param>
    public sealed record Weight(Shape Shape, Weight.Reader Read)
    {
        /// <summary>Writes all elements into a span of the shape's length.</summary>
        public delegate void Reader(Span<float> destination);

        /// <summary>The elements in mapped memory: first element, what keeps it alive, and how to let go of resident pages.</summary>
        public (nint Pointer, object Owner, Action Release)? Mapped { get; init; }

        /// <summary>A view of a parameter.</summary>
        public static Weight Of(Parameter parameter) => new(parameter.Shape, parameter.CopyTo);

        /// <summary>All elements.</summary>
        public float[] ToArray()
        {
            float[] values = new float[Shape.Length];
            Read(values);
            return values;
        }
    }
}
