using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// Computes nothing and counts: run a model on it, and it tells the multiply-adds and the memory that the same call needs on the CPU.
/// Tensors take memory only where numbers are copied in or out; results are undefined.
/// </summary>
public sealed class CountingBackend : Backend
{
    private readonly MemoryMeter _meter = new();
    private readonly HashSet<(Parameter, DataType, bool)> _forms = [];

    /// <inheritdoc/>
    public override Device Device => Device.Host;

    /// <inheritdoc/>
    public override string Name => "counting";

    /// <inheritdoc/>
    public override bool FastBFloat16 => false;

    /// <summary>Multiply-adds of matrix products, attention's included.</summary>
    public long Macs { get; private set; }

    /// <summary>Numbers that layer norms made.</summary>
    public long LayerNormElements { get; private set; }

    /// <summary>Numbers that batch norms made.</summary>
    public long BatchNormElements { get; private set; }

    /// <summary>Bytes of tensors alive now, as the buffer pool would hand them out.</summary>
    public long LiveBytes => _meter.Live;

    /// <summary>The highest <see cref="LiveBytes"/> so far.</summary>
    public long PeakBytes => _meter.Peak;

    /// <summary>Bytes of the forms in which weights are kept for the products: packed if frozen, rounded copies if trainable.</summary>
    public long WeightBytes { get; private set; }

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => HostStorage.RentZeros(bytes, _meter);

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) =>
        HostStorage.RentZeros(bytes);     // weights: what stays of them is counted by their forms

    /// <inheritdoc/>
    public override void CopyFromHost(nint source, Tensor destination) => CpuBackend.Managed.CopyFromHost(source, destination);

    /// <inheritdoc/>
    public override void CopyToHost(Tensor source, nint destination) => CpuBackend.Managed.CopyToHost(source, destination);

    /// <inheritdoc/>
    public override DataType GeluKept(DataType result) => CpuBackend.KeptOf(result);

    /// <inheritdoc/>
    public override void Invoke(Call call)
    {
        Macs += MultiplyAdds(call);
        switch (call)
        {
            case LinearCall linear: CountForm(linear.Weight, linear.X.Type, backward: false); break;
            case LinearGeluCall linear: CountForm(linear.Weight, linear.X.Type, backward: false); break;
            case LinearBackwardInputCall linear: CountForm(linear.Weight, linear.Dy.Type, backward: true); break;
            case AddBottlenecksCall { Runs: var runs }:
                foreach (Bottleneck bottleneck in runs.Select(run => run.Bottleneck).OfType<Bottleneck>())
                {
                    foreach (Parameter weight in new[] { bottleneck.Down, bottleneck.Up })
                    {
                        if (_forms.Add((weight, bottleneck.Compute, false))) WeightBytes += weight.Length * bottleneck.Compute.Size();
                    }
                }

                break;
            case LayerNormCall norm: LayerNormElements += norm.Y.Length; break;
            case NormalizeColumnsCall norm: BatchNormElements += norm.Y.Length; break;
        }
    }

    /// <summary>The multiply-adds of a call: those of its products, as the CPU computes them.</summary>
    private static long MultiplyAdds(Call call) => call switch
    {
        LinearCall c => c.Y.Length * c.Weight.AsMatrix().Columns,
        LinearGeluCall c => c.Y.Length * c.Weight.AsMatrix().Columns,
        LinearBackwardInputCall c => c.Dy.Length * c.Weight.AsMatrix().Columns,
        LinearBackwardWeightCall c => c.Dy.Length * c.DWeight.AsMatrix().Columns,
        AddBottlenecksCall c => 2 * c.HiddenTimesInputs,
        AttentionCall c => 2 * c.Y.Length * c.Qkv.Shape[1],                    // Q·Kᵀ and P·V
        AttentionBackwardCall c => 5 * c.Dy.Length * c.Qkv.Shape[1],           // Q·Kᵀ once more, and the gradients of P, V, Q and K
        AttentionProbabilitiesCall c => c.P.Length * c.Qkv.Shape[2] / (3 * c.Heads),
        WindowAttentionCall c => 2 * WindowProduct(c.Y, c.Windows),
        WindowAttentionBackwardCall c => 5 * WindowProduct(c.Dy, c.Windows),
        WindowAttentionProbabilitiesCall c => c.P.Length * c.Qkv.Shape[2] / (3 * c.Heads),
        DepthwiseCall c => c.Taps.Shape[0] * c.Y.Length,
        DepthwiseBackwardWeightCall c => c.DTaps.Shape[0] * c.Dy.Length,
        _ => 0,
    };

    // Padding is multiplied too.
    private static long WindowProduct(Tensor y, WindowLayout windows) =>
        (long)y.Shape[0] * windows.Counts.Count * windows.Window.Count * windows.Window.Count * y.Shape[2];

    private void CountForm(Tensor weight, DataType type, bool backward)
    {
        if (weight is not Parameter parameter) return;
        bool packed = !parameter.Trainable;
        if (!packed && type == DataType.Float32) return;
        if (_forms.Add((parameter, type, packed && backward))) WeightBytes += weight.Length * type.Size();
    }
}
