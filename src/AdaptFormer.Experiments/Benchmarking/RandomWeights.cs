using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>A temporary weights file of random numbers. Mapped from a file, a model without real weights takes the memory of one that has
/// them.</summary>
public sealed class RandomWeights : IDisposable
{
    private const int Piece = 1 << 14;
    private const float Spread = 0.04f;

    private RandomWeights(string path) => Path = path;

    /// <summary>The safetensors file; gone when this object is disposed.</summary>
    public string Path { get; }

    /// <summary>Writes weights for a model of the sizes of <paramref name="description"/>.</summary>
    /// <exception cref="IOException">The folder for temporary files has no room.</exception>
    public static RandomWeights For(ModelDescription description)
    {
        using Backbone sizes = description.Create();
        return For(sizes);
    }

    /// <summary>Writes weights for a model of the sizes of <paramref name="sizes"/>.</summary>
    /// <exception cref="IOException">The folder for temporary files has no room.</exception>
    public static RandomWeights For(Backbone sizes)
    {
        RandomWeights weights = new(System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"adaptformer-{Guid.NewGuid():N}.safetensors"));
        try
        {
            SafetensorsWriter writer = new();
            Rng rng = new(0);
            foreach ((string name, Parameter parameter) in sizes.Parameters())
            {
                bool isNorm = name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal);
                writer.Add(name, FileDataType.Float32, parameter.Shape,
                    stream => Write(stream, parameter.Shape.Length, isNorm ? 1 : 0, rng));
            }

            using FileStream file = File.Create(weights.Path);
            writer.Write(file);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>A model of the sizes of <paramref name="sizes"/> on these weights; it outlives this object where the system lets an open
    /// file be deleted.</summary>
    public Backbone Open(Backbone sizes)
    {
        WeightsFile file = WeightsFile.Open(Path);
        Backbone model = sizes.CreateEmpty();
        model.Own(file);
        try
        {
            WeightLoader.Load(model, StateDict.Of(file), Path);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Delete(Path);

    // Values only need to be ordinary: denormal or huge ones would change how fast the processor multiplies.
    private static void Write(Stream stream, long count, float center, Rng rng)
    {
        Span<float> values = stackalloc float[Piece / sizeof(float)];
        for (long done = 0; done < count; done += values.Length)
        {
            Span<float> some = values[..(int)Math.Min(values.Length, count - done)];
            foreach (ref float value in some) value = center + (Spread * (rng.NextSingle() - 0.5f));
            stream.Write(MemoryMarshal.AsBytes(some));
        }
    }
}
