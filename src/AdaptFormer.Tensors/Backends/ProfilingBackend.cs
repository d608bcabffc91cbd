using System.Diagnostics;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tensors.Backends;

/// <summary>What one kind of call cost.</summary>
/// <param name="Call">The backend's method.</param>
/// <param name="Calls">How often it was called.</param>
/// <param name="Time">Time in it.</param>
/// <param name="Flops">Floating-point operations of its matrix products, two for each multiply-add; 0 for calls without products.</param>
public sealed record ProfiledCall(string Call, int Calls, TimeSpan Time, double Flops);

/// <summary>
/// A backend that hands every call on and adds up time and arithmetic, for <c>bench</c>. Products count as often as an equation has them: what a kernel
/// computes anew to save memory (the scores in attention's backward pass) counts once. For one thread of calls.
/// </summary>
public sealed class ProfilingBackend(Backend inner) : Backend
{
    private readonly Backend _inner = inner;
    private readonly Dictionary<string, (int Calls, long Ticks, double Flops)> _costs = [];

    /// <inheritdoc/>
    public override string Name => _inner.Name;

    /// <inheritdoc/>
    public override bool FastBFloat16 => _inner.FastBFloat16;

    /// <summary>Cost by call since the last <see cref="Reset"/>, longest first.</summary>
    public IReadOnlyList<ProfiledCall> Costs =>
    [
        .. _costs.Select(entry => new ProfiledCall(entry.Key, entry.Value.Calls, Stopwatch.GetElapsedTime(0, entry.Value.Ticks), entry.Value.Flops))
            .OrderByDescending(cost => cost.Time),
    ];

    /// <summary>Floating-point operations of all matrix products since the last <see cref="Reset"/>.</summary>
    public double Flops => _costs.Values.Sum(cost => cost.Flops);

    /// <summary>Starts a new measurement.</summary>
    public void Reset() => _costs.Clear();

    internal override Storage Allocate(long bytes) => _inner.Allocate(bytes);

    internal override Storage AllocateZeros(long bytes) => _inner.AllocateZeros(bytes);

    internal override void CopyToHost(Tensor source, nint destination) => _inner.CopyToHost(source, destination);

    internal override void Clear(Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Clear(y);
        Add(nameof(Clear), began);
    }

    internal override void Copy(Tensor x, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Copy(x, y);
        Add(nameof(Copy), began);
    }

    internal override void Add(Tensor a, Tensor b, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Add(a, b, y);
        Add(nameof(Add), began);
    }

    internal override void AddInto(Tensor y, Tensor x, float scale = 1)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AddInto(y, x, scale);
        Add(nameof(AddInto), began);
    }

    internal override void Scale(Tensor x, float factor, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Scale(x, factor, y);
        Add(nameof(Scale), began);
    }

    internal override void ScaleSlices(Tensor x, ReadOnlySpan<float> factors, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.ScaleSlices(x, factors, y);
        Add(nameof(ScaleSlices), began);
    }

    internal override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.ScaleFeatures(x, gamma, beta, y);
        Add(nameof(ScaleFeatures), began);
    }

    internal override void SumProducts(Tensor a, Tensor b, Tensor sum)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.SumProducts(a, b, sum);
        Add(nameof(SumProducts), began);
    }

    internal override void Multiply(Tensor a, Tensor b, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Multiply(a, b, y);
        Add(nameof(Multiply), began);
    }

    internal override double Dot(Tensor a, Tensor b)
    {
        long began = Stopwatch.GetTimestamp();
        double result = _inner.Dot(a, b);
        Add(nameof(Dot), began);
        return result;
    }

    internal override void AddBroadcast(Tensor x, Tensor p, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AddBroadcast(x, p, y);
        Add(nameof(AddBroadcast), began);
    }

    internal override void SumGroups(Tensor dy, Tensor dp)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.SumGroups(dy, dp);
        Add(nameof(SumGroups), began);
    }

    internal override bool AllFinite(Tensor x)
    {
        long began = Stopwatch.GetTimestamp();
        bool result = _inner.AllFinite(x);
        Add(nameof(AllFinite), began);
        return result;
    }

    internal override void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Activate(kind, x, y);
        Add(nameof(Activate), began);
    }

    internal override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.ActivateBackward(kind, kept, dy, dx);
        Add(nameof(ActivateBackward), began);
    }

    internal override void Dropout(Tensor x, ulong key, float rate, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Dropout(x, key, rate, y);
        Add(nameof(Dropout), began);
    }

    internal override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Linear(x, weight, bias, residual, scale, epilogue, y);
        Add(nameof(Linear), began, 2.0 * x.Length * weight.Shape[0]);
    }

    internal override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LinearGelu(x, weight, bias, kept, y);
        Add(nameof(LinearGelu), began, 2.0 * x.Length * weight.Shape[0]);
    }

    internal override void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LinearGeluBackward(kept, dy, dPre);
        Add(nameof(LinearGeluBackward), began);
    }

    internal override void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LinearBackwardInput(dy, weight, scale, dx, accumulate);
        Add(nameof(LinearBackwardInput), began, 2.0 * dy.Length * weight.AsMatrix().Columns);
    }

    internal override void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LinearBackwardWeight(dy, x, scale, dWeight);
        Add(nameof(LinearBackwardWeight), began, 2.0 * dy.Length * dWeight.AsMatrix().Columns);
    }

    internal override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LinearBackwardBias(dy, scale, dBias);
        Add(nameof(LinearBackwardBias), began);
    }

    internal override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LayerNorm(x, gamma, beta, eps, mean, rstd, y);
        Add(nameof(LayerNorm), began);
    }

    internal override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LayerNormBackward(x, mean, rstd, gamma, dy, dx, accumulate);
        Add(nameof(LayerNormBackward), began);
    }

    internal override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.LayerNormBackwardParams(x, mean, rstd, dy, dGamma, dBeta);
        Add(nameof(LayerNormBackwardParams), began);
    }

    internal override void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Attention(qkv, heads, scale, bias, mask, y);
        Add(nameof(Attention), began, 4.0 * y.Length * qkv.Shape[1]);
    }

    internal override void AttentionBackward(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AttentionBackward(qkv, heads, scale, bias, mask, dy, dqkv, dBias);
        Add(nameof(AttentionBackward), began, 8.0 * dy.Length * qkv.Shape[1]);
    }

    internal override void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.WindowAttention(qkv, heads, scale, windows, table, padding, y);
        Add(nameof(WindowAttention), began, 4.0 * y.Length * windows.Window.Count);
    }

    internal override void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable, Tensor? dPadding)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.WindowAttentionBackward(qkv, heads, scale, windows, table, padding, dy, dqkv, dTable, dPadding);
        Add(nameof(WindowAttentionBackward), began, 8.0 * dy.Length * windows.Window.Count);
    }

    internal override void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AttentionProbabilities(qkv, heads, scale, p);
        Add(nameof(AttentionProbabilities), began, 2.0 * p.Length * qkv.Shape[2] / (3 * heads));
    }

    internal override void WindowAttentionProbabilities(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.WindowAttentionProbabilities(qkv, heads, scale, windows, table, padding, p);
        Add(nameof(WindowAttentionProbabilities), began, 2.0 * p.Length * qkv.Shape[2] / (3 * heads));
    }

    internal override void MergePatches(Tensor x, TokenGrid grid, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.MergePatches(x, grid, y);
        Add(nameof(MergePatches), began);
    }

    internal override void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.SplitPatches(dy, grid, dx);
        Add(nameof(SplitPatches), began);
    }

    internal override void Transpose(Tensor x, int columns, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Transpose(x, columns, y);
        Add(nameof(Transpose), began);
    }

    internal override void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.SumTaps(parts, grid, bias, y);
        Add(nameof(SumTaps), began);
    }

    internal override void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.SpreadTaps(dy, grid, dParts);
        Add(nameof(SpreadTaps), began);
    }

    internal override void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Depthwise(x, grid, taps, bias, mirrored, y);
        Add(nameof(Depthwise), began, 2.0 * taps.Shape[0] * y.Length);
    }

    internal override void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.DepthwiseBackwardWeight(x, grid, dy, dTaps);
        Add(nameof(DepthwiseBackwardWeight), began, 2.0 * dTaps.Shape[0] * dy.Length);
    }

    internal override void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Unfold(pixels, tubelet, patch, rows);
        Add(nameof(Unfold), began);
    }

    internal override void Fold(Tensor rows, int tubelet, int patch, Tensor pixels)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.Fold(rows, tubelet, patch, pixels);
        Add(nameof(Fold), began);
    }

    internal override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add = false)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.CopyTokens(src, srcStart, dst, dstStart, count, add);
        Add(nameof(CopyTokens), began);
    }

    internal override void MeanTokens(Tensor x, int start, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.MeanTokens(x, start, y);
        Add(nameof(MeanTokens), began);
    }

    internal override void MeanTokensBackward(Tensor dy, int start, Tensor dx)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.MeanTokensBackward(dy, start, dx);
        Add(nameof(MeanTokensBackward), began);
    }

    internal override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.GatherTokens(x, tokens, y);
        Add(nameof(GatherTokens), began);
    }

    internal override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.ScatterTokens(dy, tokens, dx);
        Add(nameof(ScatterTokens), began);
    }

    internal override void TransposeRows(Tensor x, int rows, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.TransposeRows(x, rows, y);
        Add(nameof(TransposeRows), began);
    }

    internal override void ColumnMoments(Tensor x, Tensor mean, Tensor variance)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.ColumnMoments(x, mean, variance);
        Add(nameof(ColumnMoments), began);
    }

    internal override void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.NormalizeColumns(x, mean, rstd, y);
        Add(nameof(NormalizeColumns), began);
    }

    internal override void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.NormalizeColumnsBackward(y, rstd, dy, dx);
        Add(nameof(NormalizeColumnsBackward), began);
    }

    internal override void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.CrossEntropy(logits, targets, losses, gradient);
        Add(nameof(CrossEntropy), began);
    }

    internal override void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.BinaryCrossEntropy(logits, targets, losses, gradient);
        Add(nameof(BinaryCrossEntropy), began);
    }

    internal override void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AsymmetricLoss(logits, targets, settings, losses, gradient);
        Add(nameof(AsymmetricLoss), began);
    }

    internal override void AsymmetricSingleLabelLoss(
        Tensor logits, ReadOnlySpan<int> labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
        long began = Stopwatch.GetTimestamp();
        _inner.AsymmetricSingleLabelLoss(logits, labels, gammaPositive, gammaNegative, labelSmoothing, losses, gradient);
        Add(nameof(AsymmetricSingleLabelLoss), began);
    }

    private void Add(string call, long began, double flops = 0)
    {
        (int calls, long ticks, double sum) = _costs.GetValueOrDefault(call);
        _costs[call] = (calls + 1, ticks + Stopwatch.GetTimestamp() - began, sum + flops);
    }
}
