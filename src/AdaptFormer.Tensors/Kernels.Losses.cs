namespace AdaptFormer.Tensors;

// A batch has few logits, so the default computes a loss on the host, in double, from a copy.
public abstract unsafe partial class Kernels
{
    /// <summary>losses [B] of <c>SoftmaxCrossEntropyOp</c>, and each one's gradient by its row of logits [B, K].</summary>
    public virtual void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        int k = logits.Shape[1];
        OnHost(logits, targets, losses, gradient, (z, t, l, g) =>
        {
            for (int i = 0; i < logits.Shape[0]; i++)
                l[i] = LossKernel.SoftmaxCrossEntropy(z + ((long)i * k), t + ((long)i * k), k, g + ((long)i * k));
        });
    }

    /// <summary>losses [B, K] of <c>BinaryCrossEntropyOp</c>, and each one's gradient by its logit.</summary>
    public virtual void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        OnHost(logits, targets, losses, gradient, (z, t, l, g) => LossKernel.BinaryCrossEntropy(z, t, logits.Length, l, g));
    }

    /// <summary>losses [B, K] of <c>AsymmetricLossOp</c>, and each one's gradient by its logit.</summary>
    public virtual void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient)
    {
        OnHost(logits, targets, losses, gradient, (z, t, l, g) => LossKernel.Asymmetric(z, t, logits.Length, settings, l, g));
    }

    /// <summary>losses [B] of <c>AsymmetricSingleLabelLossOp</c>, and each one's gradient by its row of logits [B, K].</summary>
    public virtual void AsymmetricSingleLabelLoss(
        Tensor logits, int[] labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
        int k = logits.Shape[1];
        OnHost(logits, logits, losses, gradient, (z, _, l, g) =>
        {
            for (int i = 0; i < labels.Length; i++)
                l[i] = LossKernel.AsymmetricSingleLabel(z + ((long)i * k), k, labels[i], gammaPositive, gammaNegative, labelSmoothing,
                    g + ((long)i * k));
        });
    }

    private delegate void HostLoss(float* logits, float* targets, float* losses, float* gradient);

    private void OnHost(Tensor logits, Tensor targets, Tensor losses, Tensor gradient, HostLoss compute)
    {
        float[] z = new float[logits.Length], t = new float[targets.Length], l = new float[losses.Length], g = new float[gradient.Length];
        fixed (float* pz = z, pt = t, pl = l, pg = g)
        {
            CopyToHost(logits, (nint)pz);
            CopyToHost(targets, (nint)pt);
            compute(pz, pt, pl, pg);
            CopyFromHost((nint)pl, losses);
            CopyFromHost((nint)pg, gradient);
        }
    }
}
