using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// Computes nothing and counts: run a model on it, and it tells the multiply-adds and the memory that the same call needs on the CPU. Tensors
/// take memory only where an op touches numbers itself; results are undefined.
/// </summary>
public sealed class CountingBackend : Backend
{
    private readonly MemoryMeter _meter = new();
    private readonly HashSet<(Parameter, DataType, bool)> _forms = [];

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

    internal override Storage Allocate(long bytes) => Storage.RentZeros(bytes, _meter);

    internal override Storage AllocateZeros(long bytes) => Storage.RentZeros(bytes);     // weights: what stays of them is counted by their forms

    internal override void CopyToHost(Tensor source, nint destination) => Converter.Copy(source.Pointer, source.Type, destination, DataType.Float32, source.Length);

    internal override void Clear(Tensor y)
    {
    }

    internal override void Copy(Tensor x, Tensor y)
    {
    }

    internal override void Add(Tensor a, Tensor b, Tensor y)
    {
    }

    internal override void AddInto(Tensor y, Tensor x, float scale = 1)
    {
    }

    internal override void Scale(Tensor x, float factor, Tensor y)
    {
    }

    internal override void ScaleSlices(Tensor x, ReadOnlySpan<float> factors, Tensor y)
    {
    }

    internal override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y)
    {
    }

    internal override void SumProducts(Tensor a, Tensor b, Tensor sum)
    {
    }

    internal override void Multiply(Tensor a, Tensor b, Tensor y)
    {
    }

    internal override double Dot(Tensor a, Tensor b) => 0;

    internal override void AddBroadcast(Tensor x, Tensor p, Tensor y)
    {
    }

    internal override void SumGroups(Tensor dy, Tensor dp)
    {
    }

    internal override bool AllFinite(Tensor x) => true;

    internal override void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
    }

    internal override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx)
    {
    }

    internal override void Dropout(Tensor x, ulong key, float rate, Tensor y)
    {
    }

    internal override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y) => Product(weight, x, y.Length, backward: false);

    internal override void AddBottleneck(
        Tensor x, Parameter down, Parameter? downBias, Parameter up, Parameter? upBias, Epilogue activation, float scale, DataType compute, Tensor y)
    {
        Macs += 2 * x.Length * down.Shape[0];
        foreach (Parameter weight in new[] { down, up })
        {
            if (_forms.Add((weight, compute, false))) WeightBytes += weight.Length * compute.Size();
        }
    }

    internal override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y) => Product(weight, x, y.Length, backward: false);

    internal override void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre)
    {
    }

    internal override void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate) => Product(weight, dy, dy.Length, backward: true);

    internal override void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight) => Macs += dy.Length * dWeight.AsMatrix().Columns;

    internal override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias)
    {
    }

    internal override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y) => LayerNormElements += y.Length;

    internal override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate)
    {
    }

    internal override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
    }

    // Q·Kᵀ and P·V.
    internal override void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y) => Macs += 2 * y.Length * qkv.Shape[1];

    // Q·Kᵀ once more, and the gradients of P, V, Q and K.
    internal override void AttentionBackward(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias) =>
        Macs += 5 * dy.Length * qkv.Shape[1];

    internal override void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y) =>
        Macs += 2 * WindowProduct(y, windows);

    internal override void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable, Tensor? dPadding) =>
        Macs += 5 * WindowProduct(dy, windows);

    internal override void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p) => Macs += p.Length * qkv.Shape[2] / (3 * heads);

    internal override void WindowAttentionProbabilities(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p) =>
        Macs += p.Length * qkv.Shape[2] / (3 * heads);

    internal override void MergePatches(Tensor x, TokenGrid grid, Tensor y)
    {
    }

    internal override void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx)
    {
    }

    internal override void Transpose(Tensor x, int columns, Tensor y)
    {
    }

    internal override void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
    }

    internal override void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
    }

    internal override void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y) => Macs += taps.Shape[0] * y.Length;

    internal override void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps) => Macs += dTaps.Shape[0] * dy.Length;

    internal override void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows)
    {
    }

    internal override void Fold(Tensor rows, int tubelet, int patch, Tensor pixels)
    {
    }

    internal override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add = false)
    {
    }

    internal override void MeanTokens(Tensor x, int start, Tensor y)
    {
    }

    internal override void MeanTokensBackward(Tensor dy, int start, Tensor dx)
    {
    }

    internal override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
    }

    internal override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
    }

    internal override void TransposeRows(Tensor x, int rows, Tensor y)
    {
    }

    internal override void ColumnMoments(Tensor x, Tensor mean, Tensor variance)
    {
    }

    internal override void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y) => BatchNormElements += y.Length;

    internal override void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx)
    {
    }

    internal override void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
    }

    internal override void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient)
    {
    }

    internal override void AsymmetricSingleLabelLoss(
        Tensor logits, ReadOnlySpan<int> labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
    }

    internal override void CrossEntropy(Tensor logits, Tensor targets, Tensor probabilities, Tensor losses)
    {
    }

    // Padding is multiplied too.
    private static long WindowProduct(Tensor y, WindowLayout windows) =>
        (long)y.Shape[0] * windows.Counts.Count * windows.Window.Count * windows.Window.Count * y.Shape[2];

    /// <summary>A product with a weight [O, I]: <paramref name="outputs"/> numbers of which each needs one multiply-add for every column.</summary>
    private void Product(Tensor weight, Tensor input, long outputs, bool backward)
    {
        Macs += outputs * weight.AsMatrix().Columns;
        if (weight is not Parameter parameter) return;
        bool packed = !parameter.Trainable;
        if (!packed && input.Type == DataType.Float32) return;
        if (_forms.Add((parameter, input.Type, packed && backward))) WeightBytes += weight.Length * input.Type.Size();
    }
}
