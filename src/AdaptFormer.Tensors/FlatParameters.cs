
namespace AdaptFormer.Tensors;

/// <summary>
/// All trainable parameters of a run as one vector, and their gradients as another: the optimizer is one loop, gradient clipping one
/// norm, and data parallelism one all-reduce. The parameters become slices of the vectors.
/// </summary>
public sealed class FlatParameters : IDisposable
{
    /// <summary>Gathers <paramref name="parameters"/>, keeping their numbers and clearing their gradients.</summary>
    /// <exception cref="ArgumentException">None is given, or one is not trainable.</exception>
    public FlatParameters(IEnumerable<KeyValuePair<string, Parameter>> parameters)
    {
        Segments = [.. Layout(parameters)];
        if (Segments.Count == 0) throw new ArgumentException("FlatParameters: no trainable parameter; nothing would be learned.");
        Length = checked((int)(Segments[^1].Offset + Segments[^1].Parameter.Length));
        (Values, Gradients) = (Vector(), Vector());
        foreach (Segment segment in Segments) segment.Parameter.MoveTo(Values, Gradients, segment.Offset);
    }

    /// <summary>Which parameter lies where.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>Number of floats in each vector, alignment gaps (of zeros) included.</summary>
    public int Length { get; }

    /// <summary>The parameters' numbers, [<see cref="Length"/>], on their device.</summary>
    public Tensor Values { get; }

    /// <summary>The gradients' sums since <see cref="ZeroGradients"/>, likewise.</summary>
    public Tensor Gradients { get; }

    /// <summary>Starts a new sum of gradients.</summary>
    public void ZeroGradients() => new FillCall(Gradients, 0).Run();

    /// <summary>Tells every parameter that the optimizer changed its numbers.</summary>
    public void Changed()
    {
        foreach (Segment segment in Segments) segment.Parameter.Changed();
    }

    /// <summary>Gives each parameter that still lives memory of its own again and frees the vectors.</summary>
    public void Dispose()
    {
        if (!Values.IsAlive) return;
        foreach (Segment segment in Segments) segment.Parameter.MoveOut();
        Values.Dispose();
        Gradients.Dispose();
    }

    private Tensor Vector()
    {
        Backend backend = Backend.For(Segments[0].Parameter.Device);
        return new Tensor(new Shape(Length), DataType.Float32, backend.AllocateZeros(Length * (long)sizeof(float)), scoped: false);
    }

    // Slices start at multiples of 16 floats: a full cache line, as every other tensor.
    private static IEnumerable<Segment> Layout(IEnumerable<KeyValuePair<string, Parameter>> parameters)
    {
        long offset = 0;
        foreach ((string name, Parameter parameter) in parameters)
        {
            if (!parameter.Trainable) throw new ArgumentException($"FlatParameters: {name} is frozen.");
            yield return new Segment(name, parameter, (int)offset);
            offset += (parameter.Length + 15) / 16 * 16;
        }
    }

    /// <summary>One parameter's place in the vectors.</summary>
    /// <param name="Name">The parameter's full name.</param>
    /// <param name="Parameter">The parameter.</param>
    /// <param name="Offset">Index of its first float.</param>
    public sealed record Segment(string Name, Parameter Parameter, int Offset);
}
