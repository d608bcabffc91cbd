using System.Diagnostics;

namespace AdaptFormer.Tensors.Backends;

/// <summary>What one kind of call cost.</summary>
/// <param name="Call">Its name.</param>
/// <param name="Calls">How often it was called.</param>
/// <param name="Time">Time in it.</param>
/// <param name="Flops">Floating-point operations of its matrix products, two for each multiply-add; 0 for calls without products.</param>
public sealed record ProfiledCall(string Call, int Calls, TimeSpan Time, double Flops);

/// <summary>
/// A backend that hands every call on and adds up time and arithmetic, for <c>bench</c>. Products count as often as an equation has them:
/// what a kernel computes anew to save memory (the scores in attention's backward pass) counts once. For one thread of calls.
/// </summary>
public sealed class ProfilingBackend(Backend inner) : Backend
{
    private readonly Dictionary<string, (int Calls, long Ticks, double Flops)> _costs = [];

    /// <inheritdoc/>
    public override Device Device => inner.Device;

    /// <inheritdoc/>
    public override string Name => inner.Name;

    /// <inheritdoc/>
    public override bool FastBFloat16 => inner.FastBFloat16;

    /// <summary>Cost by call since the last <see cref="Reset"/>, longest first.</summary>
    public IReadOnlyList<ProfiledCall> Costs =>
    [
        .. _costs
            .Select(entry => new ProfiledCall(entry.Key, entry.Value.Calls, Stopwatch.GetElapsedTime(0, entry.Value.Ticks),
                entry.Value.Flops))
            .OrderByDescending(cost => cost.Time),
    ];

    /// <summary>Floating-point operations of all matrix products since the last <see cref="Reset"/>.</summary>
    public double Flops => _costs.Values.Sum(cost => cost.Flops);

    /// <summary>Starts a new measurement.</summary>
    public void Reset() => _costs.Clear();

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => inner.Allocate(bytes);

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) => inner.AllocateZeros(bytes);

    /// <inheritdoc/>
    public override void CopyFromHost(nint source, Tensor destination) => inner.CopyFromHost(source, destination);

    /// <inheritdoc/>
    public override void CopyToHost(Tensor source, nint destination) => inner.CopyToHost(source, destination);

    /// <inheritdoc/>
    public override DataType InBytesResult => inner.InBytesResult;

    /// <inheritdoc/>
    public override DataType GeluKept(DataType result) => inner.GeluKept(result);

    /// <inheritdoc/>
    public override void Invoke(Call call)
    {
        long began = Stopwatch.GetTimestamp();
        inner.Invoke(call);
        (int calls, long ticks, double flops) = _costs.GetValueOrDefault(call.Name);
        _costs[call.Name] = (calls + 1, ticks + Stopwatch.GetTimestamp() - began, flops + FlopsOf(call));
    }

    private static double FlopsOf(Call call) => call switch
    {
        LinearCall c => 2.0 * c.X.Length * c.Weight.Shape[0],
        LinearGeluCall c => 2.0 * c.X.Length * c.Weight.Shape[0],
        LinearBackwardInputCall c => 2.0 * c.Dy.Length * c.Weight.AsMatrix().Columns,
        LinearBackwardWeightCall c => 2.0 * c.Dy.Length * c.DWeight.AsMatrix().Columns,
        AddBottlenecksCall c => 4.0 * c.HiddenTimesInputs,
        AttentionCall c => 4.0 * c.Y.Length * c.Qkv.Shape[1],
        AttentionBackwardCall c => 8.0 * c.Dy.Length * c.Qkv.Shape[1],
        AttentionProbabilitiesCall c => 2.0 * c.P.Length * c.Qkv.Shape[2] / (3 * c.Heads),
        WindowAttentionCall c => 4.0 * c.Y.Length * c.Windows.Window.Count,
        WindowAttentionBackwardCall c => 8.0 * c.Dy.Length * c.Windows.Window.Count,
        WindowAttentionProbabilitiesCall c => 2.0 * c.P.Length * c.Qkv.Shape[2] / (3 * c.Heads),
        DepthwiseCall c => 2.0 * c.Taps.Shape[0] * c.Y.Length,
        DepthwiseBackwardWeightCall c => 2.0 * c.DTaps.Shape[0] * c.Dy.Length,
        _ => 0,
    };
}
