using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Tensors.Backends;

/// <summary>
/// Where ops run. An op checks shapes, owns the gradient and calls these; it never touches a pointer and never assumes that a tensor's memory is host
/// memory. Destinations are allocated by the op and are written in full unless a method says that it adds.
/// </summary>
public abstract class Backend
{
    private static readonly AsyncLocal<Backend?> Chosen = new();
    private static readonly Lazy<Backend> Best = new(static () => CpuBackend.Native ?? CpuBackend.Managed);

    /// <summary>The backend that new tensors live on: what <see cref="Use"/> chose in this call context, else the best one found.</summary>
    public static Backend Current => Chosen.Value ?? Best.Value;

    /// <summary>Makes <paramref name="backend"/> the current one until the result is disposed.</summary>
    public static IDisposable Use(Backend backend)
    {
        Restore restore = new(Chosen.Value);
        Chosen.Value = backend;
        return restore;
    }

    /// <summary>For example <c>CPU, oneDNN 2.6.3</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether bf16 matrix products run faster here than f32 ones: what precision <c>auto</c> chooses.</summary>
    public abstract bool FastBFloat16 { get; }

    internal abstract Storage Allocate(long bytes);

    /// <summary>Zeros that need no memory until they are read or written.</summary>
    internal abstract Storage AllocateZeros(long bytes);

    internal abstract void CopyToHost(Tensor source, nint destination);

    /// <summary>y = 0.</summary>
    internal abstract void Clear(Tensor y);

    /// <summary>y = x, converted to y's type.</summary>
    internal abstract void Copy(Tensor x, Tensor y);

    /// <summary>y = a + b, elementwise.</summary>
    internal abstract void Add(Tensor a, Tensor b, Tensor y);

    /// <summary>y += scale·x.</summary>
    internal abstract void AddInto(Tensor y, Tensor x, float scale = 1);

    /// <summary>y = factor·x.</summary>
    internal abstract void Scale(Tensor x, float factor, Tensor y);

    /// <summary>y[i] = factors[i / (length / factors.Length)]·x[i]: one factor for each leading slice (per-sample drop-path).</summary>
    internal abstract void ScaleSlices(Tensor x, ReadOnlySpan<float> factors, Tensor y);

    /// <summary>y = γ∘x + β over the last axis; β may be null.</summary>
    internal abstract void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y);

    /// <summary>sum [C] += Σ a∘b over all rows.</summary>
    internal abstract void SumProducts(Tensor a, Tensor b, Tensor sum);

    /// <summary>y = a ∘ b.</summary>
    internal abstract void Multiply(Tensor a, Tensor b, Tensor y);

    /// <summary>Σ aᵢ·bᵢ, in double.</summary>
    internal abstract double Dot(Tensor a, Tensor b);

    /// <summary>y[r] = x[r] + p[r mod P]: adds p to every group of rows.</summary>
    internal abstract void AddBroadcast(Tensor x, Tensor p, Tensor y);

    /// <summary>dp[j] += Σ over groups of dy: the gradient of <see cref="AddBroadcast"/>.</summary>
    internal abstract void SumGroups(Tensor dy, Tensor dp);

    /// <summary>Whether every element is finite.</summary>
    internal abstract bool AllFinite(Tensor x);

    /// <summary>y = f(x).</summary>
    internal abstract void Activate(ActivationKind kind, Tensor x, Tensor y);

    /// <summary>dx = f'·dy; <paramref name="kept"/> is the input of both GELUs, the output of the others.</summary>
    internal abstract void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx);

    /// <summary>y = keep ? x/(1 − rate) : 0, from the counters of <paramref name="key"/>.</summary>
    internal abstract void Dropout(Tensor x, ulong key, float rate, Tensor y);

    /// <summary>y = residual + scale·f(x·Wᵀ + b); residual and bias may be null.</summary>
    internal abstract void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y);

    /// <summary>y = x + scale·(f(x·Downᵀ + b)·Upᵀ + c) in one sweep, the products' inputs in <paramref name="compute"/>; y may be x. Both biases may be null.</summary>
    internal abstract void AddBottleneck(
        Tensor x, Parameter down, Parameter? downBias, Parameter up, Parameter? upBias, Epilogue activation, float scale, DataType compute, Tensor y);

    /// <summary>
    /// y = GELU(x·Wᵀ + b) in one sweep; <paramref name="kept"/>, of type <see cref="DataType.Code8"/> or <see cref="DataType.Code16"/>, becomes what the backward pass
    /// reads: the derivative.
    /// </summary>
    internal abstract void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y);

    /// <summary>dPre from what <see cref="LinearGelu"/> kept.</summary>
    internal abstract void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre);

    /// <summary>dx (+)= scale·dy·W, dy in the type of the product.</summary>
    internal abstract void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate);

    /// <summary>dW += scale·dyᵀ·x.</summary>
    internal abstract void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight);

    /// <summary>db += scale·Σ rows of dy.</summary>
    internal abstract void LinearBackwardBias(Tensor dy, float scale, Tensor dBias);

    /// <summary>y = γ·(x − mean)/√(var + ε) + β over the last axis; mean and rstd [rows] are written when given.</summary>
    internal abstract void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y);

    /// <summary>dx (+)= the gradient of <see cref="LayerNorm"/>.</summary>
    internal abstract void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>Adds to dγ and dβ.</summary>
    internal abstract void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta);

    /// <summary>Multi-head attention from a fused projection, for as many tokens as y has; see <c>AttentionOp</c>.</summary>
    internal abstract void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y);

    /// <summary>dqkv of <see cref="Attention"/>, adding to dbias when given.</summary>
    internal abstract void AttentionBackward(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias);

    /// <summary>p [B, h, N, N], f32: the softmax inside <see cref="Attention"/>.</summary>
    internal abstract void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p);

    /// <summary>p [B, windows, h, N, N], f32: the softmax inside <see cref="WindowAttention"/>.</summary>
    internal abstract void WindowAttentionProbabilities(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p);

    /// <summary>Multi-head attention inside windows from a fused projection; see <c>WindowAttentionOp</c>. The padding's 3·C numbers are in the type of qkv.</summary>
    internal abstract void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y);

    /// <summary>dqkv of <see cref="WindowAttention"/>, adding to the gradients of table and padding when given.</summary>
    internal abstract void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable, Tensor? dPadding);

    /// <summary>Puts each 2×2 neighbourhood of tokens into one row; see <c>MergePatchesOp</c>.</summary>
    internal abstract void MergePatches(Tensor x, TokenGrid grid, Tensor y);

    /// <summary>The inverse of <see cref="MergePatches"/>.</summary>
    internal abstract void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx);

    /// <summary>y[j, i] = x[i, j] for x read as rows of <paramref name="columns"/> numbers, f32.</summary>
    internal abstract void Transpose(Tensor x, int columns, Tensor y);

    /// <summary>y[n] = b + Σ over the 3×3 neighbours k of n in the grid of parts[k, tap of k]; see <c>GridConvOp</c>. parts is [B, N, 9·M], y [B, N, M].</summary>
    internal abstract void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y);

    /// <summary>The gradient of <see cref="SumTaps"/>: dParts[k, tap of k] = dy[n].</summary>
    internal abstract void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts);

    /// <summary>y[n] = b + Σ over the 3×3 neighbours k of n in the grid of taps[tap of k]∘x[k], taps [9, M]; mirrored: with the kernel turned by 180°.</summary>
    internal abstract void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y);

    /// <summary>dTaps += the gradient of <see cref="Depthwise"/>.</summary>
    internal abstract void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps);

    /// <summary>[B, C, T, H, W] → [B, (T/t)·(H/p)·(W/p), C·t·p·p]: non-overlapping tubelets of t frames as rows, channels outermost. Without T, and t = 1: patches.</summary>
    internal abstract void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows);

    /// <summary>The inverse of <see cref="Unfold"/>.</summary>
    internal abstract void Fold(Tensor rows, int tubelet, int patch, Tensor pixels);

    /// <summary>Copies <paramref name="count"/> rows of each group: dst[g, dstStart + i] = (or +=) src[g, srcStart + i]. Tensors are [groups, rows, C]; a source of one group serves all.</summary>
    internal abstract void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add = false);

    /// <summary>y[g] = mean of tokens start.. of x [G, N, C].</summary>
    internal abstract void MeanTokens(Tensor x, int start, Tensor y);

    /// <summary>dx[g, i] = dy[g]/count for i ≥ start, else 0.</summary>
    internal abstract void MeanTokensBackward(Tensor dy, int start, Tensor dx);

    /// <summary>y[b, k] = x[b, tokens[b·K + k]].</summary>
    internal abstract void GatherTokens(Tensor x, int[] tokens, Tensor y);

    /// <summary>dx[b, tokens[b·K + k]] += dy[b, k], in the order of k; dx is f32.</summary>
    internal abstract void ScatterTokens(Tensor dy, int[] tokens, Tensor dx);

    /// <summary>Every last-axis row of x, read as a matrix of <paramref name="rows"/> rows, transposed; f32.</summary>
    internal abstract void TransposeRows(Tensor x, int rows, Tensor y);

    /// <summary>Column means and biased variances of x [B, C].</summary>
    internal abstract void ColumnMoments(Tensor x, Tensor mean, Tensor variance);

    /// <summary>y = (x − mean)·rstd by column.</summary>
    internal abstract void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y);

    /// <summary>dx of batch normalisation with batch statistics, from its output y.</summary>
    internal abstract void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx);

    /// <summary>losses [B] of <c>SoftmaxCrossEntropyOp</c>, and each one's gradient by its row of logits [B, K].</summary>
    internal abstract void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient);

    /// <summary>losses [B, K] of <c>BinaryCrossEntropyOp</c>, and each one's gradient by its logit.</summary>
    internal abstract void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient);

    /// <summary>losses [B, K] of <c>AsymmetricLossOp</c>, and each one's gradient by its logit.</summary>
    internal abstract void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient);

    /// <summary>losses [B] of <c>AsymmetricSingleLabelLossOp</c>, and each one's gradient by its row of logits [B, K].</summary>
    internal abstract void AsymmetricSingleLabelLoss(
        Tensor logits, ReadOnlySpan<int> labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient);

    private sealed class Restore(Backend? previous) : IDisposable
    {
        public void Dispose() => Chosen.Value = previous;
    }
}
