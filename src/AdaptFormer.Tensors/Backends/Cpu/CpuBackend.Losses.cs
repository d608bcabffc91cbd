namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient)
    {
        int k = logits.Shape[1];
        CpuParallel.For(logits.Shape[0], (i, _) =>
        {
            long row = (long)i * k;
            losses.Floats[i] = LossKernel.SoftmaxCrossEntropy(logits.Floats + row, targets.Floats + row, k, gradient.Floats + row);
        });
    }

    public override void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient) =>
        Sweep(logits.Length, (start, n) => LossKernel.BinaryCrossEntropy(
            logits.Floats + start, targets.Floats + start, n, losses.Floats + start, gradient.Floats + start));

    public override void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient) =>
        Sweep(logits.Length, (start, n) => LossKernel.Asymmetric(
            logits.Floats + start, targets.Floats + start, n, settings, losses.Floats + start, gradient.Floats + start));

    public override void AsymmetricSingleLabelLoss(
        Tensor logits, int[] labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
        int k = logits.Shape[1];
        CpuParallel.For(labels.Length, (i, _) =>
        {
            long row = (long)i * k;
            losses.Floats[i] = LossKernel.AsymmetricSingleLabel(
                logits.Floats + row, k, labels[i], gammaPositive, gammaNegative, labelSmoothing, gradient.Floats + row);
        });
    }
}
