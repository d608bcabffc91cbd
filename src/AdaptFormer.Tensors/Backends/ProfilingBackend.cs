using System.Diagnostics;
using System.Runtime.CompilerServices;
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
        using Call _ = Time();
        _inner.Clear(y);
    }

    internal override void Copy(Tensor x, Tensor y)
    {
        using Call _ = Time();
        _inner.Copy(x, y);
    }

    internal override void Add(Tensor a, Tensor b, Tensor y)
    {
        using Call _ = Time();
        _inner.Add(a, b, y);
    }

    internal override void AddInto(Tensor y, Tensor x, float scale = 1)
    {
        using Call _ = Time();
        _inner.AddInto(y, x, scale);
    }

    internal override void Scale(Tensor x, float factor, Tensor y)
    {
        using Call _ = Time();
        _inner.Scale(x, factor, y);
    }

    internal override void ScaleSlices(Tensor x, ReadOnlySpan<float> factors, Tensor y)
    {
        using Call _ = Time();
        _inner.ScaleSlices(x, factors, y);
    }

    internal override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y)
    {
        using Call _ = Time();
        _inner.ScaleFeatures(x, gamma, beta, y);
    }

    internal override void SumProducts(Tensor a, Tensor b, Tensor sum)
    {
        using Call _ = Time();
        _inner.SumProducts(a, b, sum);
    }

    internal override void Multiply(Tensor a, Tensor b, Tensor y)
    {
        using Call _ = Time();
        _inner.Multiply(a, b, y);
    }

    internal override double Dot(Tensor a, Tensor b)
    {
        using Call _ = Time();
        return _inner.Dot(a, b);
    }

    internal override void AddBroadcast(Tensor x, Tensor p, Tensor y)
    {
        using Call _ = Time();
        _inner.AddBroadcast(x, p, y);
    }

    internal override void SumGroups(Tensor dy, Tensor dp)
    {
        using Call _ = Time();
        _inner.SumGroups(dy, dp);
    }

    internal override bool AllFinite(Tensor x)
    {
        using Call _ = Time();
        return _inner.AllFinite(x);
    }

    internal override void Activate(ActivationKind kind, Tensor x, Tensor y)
    {
        using Call _ = Time();
        _inner.Activate(kind, x, y);
    }

    internal override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx)
    {
        using Call _ = Time();
        _inner.ActivateBackward(kind, kept, dy, dx);
    }

    internal override void Dropout(Tensor x, ulong key, float rate, Tensor y)
    {
        using Call _ = Time();
        _inner.Dropout(x, key, rate, y);
    }

    internal override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        using Call _ = Time(2.0 * x.Length * weight.Shape[0]);
        _inner.Linear(x, weight, bias, residual, scale, epilogue, y);
    }

    internal override void AddBottleneck(
        Tensor x, Parameter down, Parameter? downBias, Parameter up, Parameter? upBias, Epilogue activation, float scale, DataType compute, Tensor y)
    {
        using Call _ = Time(4.0 * x.Length * down.Shape[0]);
        _inner.AddBottleneck(x, down, downBias, up, upBias, activation, scale, compute, y);
    }

    internal override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y)
    {
        using Call _ = Time(2.0 * x.Length * weight.Shape[0]);
        _inner.LinearGelu(x, weight, bias, kept, y);
    }

    internal override void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre)
    {
        using Call _ = Time();
        _inner.LinearGeluBackward(kept, dy, dPre);
    }

    internal override void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate)
    {
        using Call _ = Time(2.0 * dy.Length * weight.AsMatrix().Columns);
        _inner.LinearBackwardInput(dy, weight, scale, dx, accumulate);
    }

    internal override void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight)
    {
        using Call _ = Time(2.0 * dy.Length * dWeight.AsMatrix().Columns);
        _inner.LinearBackwardWeight(dy, x, scale, dWeight);
    }

    internal override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias)
    {
        using Call _ = Time();
        _inner.LinearBackwardBias(dy, scale, dBias);
    }

    internal override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y)
    {
        using Call _ = Time();
        _inner.LayerNorm(x, gamma, beta, eps, mean, rstd, y);
    }

    internal override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate)
    {
        using Call _ = Time();
        _inner.LayerNormBackward(x, mean, rstd, gamma, dy, dx, accumulate);
    }

    internal override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
        using Call _ = Time();
        _inner.LayerNormBackwardParams(x, mean, rstd, dy, dGamma, dBeta);
    }

    internal override void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y)
    {
        using Call _ = Time(4.0 * y.Length * qkv.Shape[1]);
        _inner.Attention(qkv, heads, scale, bias, mask, y);
    }

    internal override void AttentionBackward(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias)
    {
        using Call _ = Time(8.0 * dy.Length * qkv.Shape[1]);
        _inner.AttentionBackward(qkv, heads, scale, bias, mask, dy, dqkv, dBias);
    }

    internal override void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y)
    {
        using Call _ = Time(4.0 * y.Length * windows.Window.Count);
        _inner.WindowAttention(qkv, heads, scale, windows, table, padding, y);
    }

    internal override void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable, Tensor? dPadding)
    {
        using Call _ = Time(8.0 * dy.Length * windows.Window.Count);
        _inner.WindowAttentionBackward(qkv, heads, scale, windows, table, padding, dy, dqkv, dTable, dPadding);
    }

    internal override void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p)
    {
        using Call _ = Time(2.0 * p.Length * qkv.Shape[2] / (3 * heads));
        _inner.AttentionProbabilities(qkv, heads, scale, p);
    }

    internal override void WindowAttentionProbabilities(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p)
    {
        using Call _ = Time(2.0 * p.Length * qkv.Shape[2] / (3 * heads));
        _inner.WindowAttentionProbabilities(qkv, heads, scale, windows, table, padding, p);
    }

    internal override void MergePatches(Tensor x, TokenGrid grid, Tensor y)
    {
        using Call _ = Time();
        _inner.MergePatches(x, grid, y);
    }

    internal override void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx)
    {
        using Call _ = Time();
        _inner.SplitPatches(dy, grid, dx);
    }

    internal override void Transpose(Tensor x, int columns, Tensor y)
    {
        using Call _ = Time();
        _inner.Transpose(x, columns, y);
    }

    internal override void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
        using Call _ = Time();
        _inner.SumTaps(parts, grid, bias, y);
    }

    internal override void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
        using Call _ = Time();
        _inner.SpreadTaps(dy, grid, dParts);
    }

    internal override void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y)
    {
        using Call _ = Time(2.0 * taps.Shape[0] * y.Length);
        _inner.Depthwise(x, grid, taps, bias, mirrored, y);
    }

    internal override void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps)
    {
        using Call _ = Time(2.0 * dTaps.Shape[0] * dy.Length);
        _inner.DepthwiseBackwardWeight(x, grid, dy, dTaps);
    }

    internal override void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows)
    {
        using Call _ = Time();
        _inner.Unfold(pixels, tubelet, patch, rows);
    }

    internal override void Fold(Tensor rows, int tubelet, int patch, Tensor pixels)
    {
        using Call _ = Time();
        _inner.Fold(rows, tubelet, patch, pixels);
    }

    internal override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add = false)
    {
        using Call _ = Time();
        _inner.CopyTokens(src, srcStart, dst, dstStart, count, add);
    }

    internal override void MeanTokens(Tensor x, int start, Tensor y)
    {
        using Call _ = Time();
        _inner.MeanTokens(x, start, y);
    }

    internal override void MeanTokensBackward(Tensor dy, int start, Tensor dx)
    {
        using Call _ = Time();
        _inner.MeanTokensBackward(dy, start, dx);
    }

    internal override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
        using Call _ = Time();
        _inner.GatherTokens(x, tokens, y);
    }

    internal override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
        using Call _ = Time();
        _inner.ScatterTokens(dy, tokens, dx);
    }

    internal override void TransposeRows(Tensor x, int rows, Tensor y)
    {
        using Call _ = Time();
        _inner.TransposeRows(x, rows, y);
    }

    internal override void ColumnMoments(Tensor x, Tensor mean, Tensor variance)
    {
        using Call _ = Time();
        _inner.ColumnMoments(x, mean, variance);
    }

    internal override void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y)
    {
        using Call _ = Time();
        _inner.NormalizeColumns(x, mean, rstd, y);
    }

    internal override void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx)
    {
        using Call _ = Time();
        _inner.NormalizeColumnsBackward(y, rstd, dy, dx);
    }

    internal override void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        using Call _ = Time();
        _inner.CrossEntropy(logits, targets, losses, gradient);
    }

    internal override void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        using Call _ = Time();
        _inner.BinaryCrossEntropy(logits, targets, losses, gradient);
    }

    internal override void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient)
    {
        using Call _ = Time();
        _inner.AsymmetricLoss(logits, targets, settings, losses, gradient);
    }

    internal override void AsymmetricSingleLabelLoss(
        Tensor logits, ReadOnlySpan<int> labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
        using Call _ = Time();
        _inner.AsymmetricSingleLabelLoss(logits, labels, gammaPositive, gammaNegative, labelSmoothing, losses, gradient);
    }

    private Call Time(double flops = 0, [CallerMemberName] string call = "") => new(this, call, flops, Stopwatch.GetTimestamp());

    /// <summary>One call, from <see cref="Time"/> to its end.</summary>
    private readonly ref struct Call(ProfilingBackend profile, string name, double flops, long began)
    {
        public void Dispose()
        {
            (int calls, long ticks, double sum) = profile._costs.GetValueOrDefault(name);
            profile._costs[name] = (calls + 1, ticks + Stopwatch.GetTimestamp() - began, sum + flops);
        }
    }
}
