using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

/// <summary>
/// What a device must compute: the abstract members, 25 in all. Every other call has a default made of them, which a device replaces where
/// one kernel is faster than several. Destinations are allocated by the caller and are written in full unless a call says that it adds;
/// operands are f32 or bf16 unless it says f32. A kernel returns when its result may be read by the next one.
/// </summary>
public abstract partial class Kernels : Backend
{
    /// <inheritdoc/>
    public sealed override void Invoke(Call call)
    {
        call.RunOn(this);
        GC.KeepAlive(call);     // a kernel that was given addresses alone must not lose the operands to the collector
    }

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes)
    {
        Storage zeros = Allocate(bytes);
        using Tensor all = new(new Shape(checked((int)(bytes / sizeof(float)))), DataType.Float32, zeros.Retain(), scoped: false);
        Fill(all, 0);
        return zeros;
    }

    /// <summary>y = value.</summary>
    public abstract void Fill(Tensor y, float value);

    /// <summary>y = x, converted to y's type.</summary>
    public abstract void Copy(Tensor x, Tensor y);

    /// <summary>y += scale·x.</summary>
    public abstract void AddInto(Tensor y, Tensor x, float scale);

    /// <summary>y = factor·s·x, s one number, f32.</summary>
    public abstract void ScaleBy(Tensor x, Tensor s, float factor, Tensor y);

    /// <summary>y = γ∘x + β over the last axis; γ and β in f32, β none if null.</summary>
    public abstract void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y);

    /// <summary>y = a∘b, f32.</summary>
    public abstract void Multiply(Tensor a, Tensor b, Tensor y);

    /// <summary>y = factor·Σ aᵢ·bᵢ, one number; all f32, summed in higher precision.</summary>
    public abstract void Dot(Tensor a, Tensor b, float factor, Tensor y);

    /// <summary>y[r] = x[r] + p[r mod P]: adds p to every group of rows; f32; y may be x.</summary>
    public abstract void AddBroadcast(Tensor x, Tensor p, Tensor y);

    /// <summary>y = 1 when every element of x is finite, else 0; one number, f32.</summary>
    public abstract void AllFinite(Tensor x, Tensor y);

    /// <summary>y = 1/√(x + ε), f32.</summary>
    public abstract void InverseRoot(Tensor x, float eps, Tensor y);

    /// <summary>y = f(x); y may be x.</summary>
    public abstract void Activate(ActivationKind kind, Tensor x, Tensor y);

    /// <summary>dx = f'·dy; what was kept is the input of both GELUs, the output of the others.</summary>
    public abstract void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx);

    /// <summary>
    /// y = keep ? x/(1 − rate) : 0: the 16 bits from bit 16·(i mod 4) of <c>Rng.At(key, i/4)</c> keep element i when they are at least
    /// rate·2¹⁶; y may be x.
    /// </summary>
    public abstract void Dropout(Tensor x, ulong key, float rate, Tensor y);

    /// <summary>db += scale·Σ rows of dy, read as rows as long as db; db in f32.</summary>
    public abstract void LinearBackwardBias(Tensor dy, float scale, Tensor dBias);

    /// <summary>y = γ·(x − mean)/√(var + ε) + β over the last axis; mean and rstd [rows] are written when given.</summary>
    public abstract void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y);

    /// <summary>dx (+)= the gradient of <see cref="LayerNormCall"/>.</summary>
    public abstract void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>Adds to dγ and dβ.</summary>
    public abstract void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta);

    /// <summary>
    /// Copies <c>count</c> rows of each group: dst[g, dstStart + i] = (or +=, then in f32) src[g, srcStart + i]. Tensors are [groups,
    /// rows, C]; a source of one group serves all, a destination of one group collects the rows of all in order.
    /// </summary>
    public abstract void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add);

    /// <summary>y[b, k] = x[b, tokens[b·K + k]] for x [B, N, C], y [B, K, C].</summary>
    public abstract void GatherTokens(Tensor x, int[] tokens, Tensor y);

    /// <summary>dx[b, tokens[b·K + k]] += dy[b, k], in the order of k; dx is f32.</summary>
    public abstract void ScatterTokens(Tensor dy, int[] tokens, Tensor dx);

    /// <summary>
    /// p ← keep·p, g' = g + l2·p, m = β₁·m + (1 − β₁)·g', v = β₂·v + (1 − β₂)·g'², p ← p − step·m/(√v/root
    /// + ε); all f32.
    /// </summary>
    public abstract void AdamStep(Tensor p, Tensor g, Tensor mean, Tensor square, AdamSettings settings);

    /// <summary>
    /// C (+)= scale·A·B for one matrix or as many as the first axis says: A is [M, K] or [G, M, K], B [K, N] or [G, K, N], C [M, N] or
    /// [G, M, N]; a transposed operand is stored with its last two axes exchanged. A and B have one type.
    /// </summary>
    public abstract void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, float scale, Tensor c, bool accumulate);

    /// <summary>p = softmax over the last axis of s; s is f32.</summary>
    public abstract void Softmax(Tensor s, Tensor p);

    /// <summary>ds = p∘(dp − Σ dp∘p), row by row; dp and ds are f32.</summary>
    public abstract void SoftmaxBackward(Tensor p, Tensor dp, Tensor ds);

    /// <summary>
    /// y = x, read as an array of axes <paramref name="dims"/>, with its axes in the order <paramref name="axes"/>; converted to y's type.
    /// </summary>
    public abstract void Permute(Tensor x, ReadOnlySpan<int> dims, ReadOnlySpan<int> axes, Tensor y);

    /// <summary>A tensor on this device for a default's own use, contents undefined; the caller disposes it.</summary>
    protected Tensor Temporary(Shape shape, DataType type = DataType.Float32) =>
        new(shape, type, Allocate(shape.Length * type.Size()), scoped: false);

    /// <summary>x as <paramref name="type"/>: the same memory, or a converted copy. The caller disposes it.</summary>
    protected Tensor Typed(Tensor x, DataType type)
    {
        if (x.Type == type) return x.View(x.Shape);
        Tensor copy = Temporary(x.Shape, type);
        Copy(x, copy);
        return copy;
    }

    /// <summary>Lets <paramref name="write"/> fill an f32 tensor that becomes <paramref name="y"/>.</summary>
    protected void InFloat32(Tensor y, Action<Tensor> write)
    {
        if (y.Type == DataType.Float32)
        {
            write(y);
            return;
        }

        using Tensor exact = Temporary(y.Shape);
        write(exact);
        Copy(exact, y);
    }

    /// <summary>Numbers of the host as a tensor of this device. The caller disposes it.</summary>
    protected unsafe Tensor FromHost(ReadOnlySpan<float> values, Shape shape)
    {
        Tensor tensor = Temporary(shape);
        fixed (float* source = values) CopyFromHost((nint)source, tensor);
        return tensor;
    }
}
