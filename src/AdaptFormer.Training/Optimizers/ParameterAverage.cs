using System.Numerics;
using System.Runtime.InteropServices;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// The exponential moving average of what trains: e ← d·e + (1 − d)·p after every step, and the same of running statistics. Early on
/// d is (1 + t)/(10 + t), t the steps so far, so that the start is soon forgotten.
/// </summary>
internal sealed class ParameterAverage
{
    private readonly FlatParameters _flat;
    private readonly (string Name, Parameter Buffer, float[] Average)[] _buffers;
    private readonly double _decay;
    private readonly float[] _average;

    /// <summary>An average that starts at the present values.</summary>
    /// <param name="flat">What trains.</param>
    /// <param name="buffers">Running statistics.</param>
    /// <param name="decay">d, in (0, 1).</param>
    public ParameterAverage(FlatParameters flat, IEnumerable<KeyValuePair<string, Parameter>> buffers, double decay)
    {
        (_flat, _decay) = (flat, decay);
        _average = flat.Values.ToArray();
        _buffers = [.. buffers.Select(entry => (entry.Key, entry.Value, entry.Value.ToArray()))];
    }

    /// <summary>Steps averaged so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The averages by name; the memory is live, or swapped with the model's own while <see cref="Swap"/> has exchanged them.</summary>
    public IEnumerable<(string Name, Memory<float> Values)> State =>
        _flat.Segments.Select(segment => (segment.Name, _average.AsMemory(segment.Offset, (int)segment.Parameter.Length)))
            .Concat(_buffers.Select(entry => (entry.Name, entry.Average.AsMemory())));

    /// <summary>Takes a step's values in.</summary>
    public void Update()
    {
        Steps++;
        float intake = (float)(1 - Math.Min(_decay, (1.0 + Steps) / (10 + Steps)));
        Mix(_average, _flat.Values, intake);
        foreach ((_, Parameter buffer, float[] average) in _buffers) Mix(average, buffer.Span, intake);
    }

    /// <summary>Exchanges the averages with the model's own values; a second call exchanges them back.</summary>
    public void Swap()
    {
        Span<float> values = _flat.Values;
        for (int i = 0; i < values.Length; i++) (values[i], _average[i]) = (_average[i], values[i]);
        _flat.Changed();
        foreach ((_, Parameter buffer, float[] average) in _buffers)
        {
            float[] own = buffer.ToArray();
            buffer.Assign(average);
            own.CopyTo(average.AsSpan());
        }
    }

    /// <summary>Sets the number of steps when the averages were read from a file.</summary>
    public void Restore(long steps) => Steps = steps;

    private static void Mix(Span<float> average, ReadOnlySpan<float> values, float intake)
    {
        Span<Vector<float>> to = MemoryMarshal.Cast<float, Vector<float>>(average);
        ReadOnlySpan<Vector<float>> from = MemoryMarshal.Cast<float, Vector<float>>(values);
        for (int i = 0; i < to.Length; i++) to[i] += intake * (from[i] - to[i]);
        for (int i = to.Length * Vector<float>.Count; i < average.Length; i++) average[i] += intake * (values[i] - average[i]);
    }
}
