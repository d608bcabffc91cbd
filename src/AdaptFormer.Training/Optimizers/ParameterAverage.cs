using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// The exponential moving average of what trains: e ← d·e + (1 − d)·p after every step, and the same of running statistics. Early on
/// d is (1 + t)/(10 + t), t the steps so far, so that the start is soon forgotten.
/// </summary>
internal sealed class ParameterAverage : IDisposable
{
    private readonly FlatParameters _flat;
    private readonly (string Name, Parameter Buffer, Parameter Average)[] _buffers;
    private readonly double _decay;
    private readonly Parameter _average;

    /// <summary>An average that starts at the present values.</summary>
    /// <param name="flat">What trains.</param>
    /// <param name="buffers">Running statistics.</param>
    /// <param name="decay">d, in (0, 1).</param>
    public ParameterAverage(FlatParameters flat, IEnumerable<KeyValuePair<string, Parameter>> buffers, double decay)
    {
        (_flat, _decay) = (flat, decay);
        _average = CopyOf(flat.Values);
        _buffers = [.. buffers.Select(entry => (entry.Key, entry.Value, CopyOf(entry.Value)))];
    }

    /// <summary>Steps averaged so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Names and lengths of the averages.</summary>
    public IEnumerable<(string Name, long Length)> StateEntries =>
        _flat.Segments.Select(segment => (segment.Name, segment.Parameter.Length))
            .Concat(_buffers.Select(entry => (entry.Name, entry.Average.Length)));

    /// <summary>A copy of the averages by name, or of the model's own values while <see cref="Swap"/> has exchanged them.</summary>
    public IEnumerable<(string Name, float[] Values)> State
    {
        get
        {
            float[] all = _average.ToArray();
            foreach (FlatParameters.Segment segment in _flat.Segments)
                yield return (segment.Name, all.AsSpan(segment.Offset, (int)segment.Parameter.Length).ToArray());
            foreach ((string name, _, Parameter average) in _buffers) yield return (name, average.ToArray());
        }
    }

    /// <summary>Takes a step's values in.</summary>
    public void Update()
    {
        Steps++;
        float intake = (float)(1 - Math.Min(_decay, (1.0 + Steps) / (10 + Steps)));
        new LerpCall(_average, _flat.Values, intake).Run();
        foreach ((_, Parameter buffer, Parameter average) in _buffers) new LerpCall(average, buffer, intake).Run();
    }

    /// <summary>Exchanges the averages with the model's own values; a second call exchanges them back.</summary>
    public void Swap()
    {
        Exchange(_flat.Values, _average);
        _flat.Changed();
        foreach ((_, Parameter buffer, Parameter average) in _buffers) buffer.Update(own => Exchange(own, average));
    }

    /// <summary>Sets the averages, by the names of <see cref="StateEntries"/>, and the number of steps in them.</summary>
    public void Restore(long steps, IReadOnlyDictionary<string, float[]> state)
    {
        float[] all = _average.ToArray();
        foreach (FlatParameters.Segment segment in _flat.Segments) state[segment.Name].CopyTo(all, segment.Offset);
        _average.Assign(all);
        foreach ((string name, _, Parameter average) in _buffers) average.Assign(state[name]);
        Steps = steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average.Dispose();
        foreach ((_, _, Parameter average) in _buffers) average.Dispose();
    }

    private static Parameter CopyOf(Tensor x)
    {
        Parameter copy = Parameter.Empty(x.Shape);
        new CopyCall(x, copy).Run();
        return copy;
    }

    private static void Exchange(Tensor a, Tensor b)
    {
        using Tensor before = a.NewEmpty(a.Shape);
        new CopyCall(a, before).Run();
        new CopyCall(b, a).Run();
        new CopyCall(before, b).Run();
    }
}
