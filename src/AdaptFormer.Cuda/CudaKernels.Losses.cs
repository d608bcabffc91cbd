using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    public override void CrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient) =>
        Rows(KernelNames.CrossEntropy, logits.Shape[0], logits, targets, logits.Shape[1], losses, gradient, (long)logits.Shape[0]);

    public override void BinaryCrossEntropy(Tensor logits, Tensor targets, Tensor losses, Tensor gradient) =>
        Each(KernelNames.BinaryCrossEntropy, logits.Length, logits, targets, losses, gradient, logits.Length);

    public override void AsymmetricLoss(Tensor logits, Tensor targets, AsymmetricLossSettings settings, Tensor losses, Tensor gradient) =>
        Each(KernelNames.AsymmetricLoss, logits.Length, logits, targets, settings.GammaPositive, settings.GammaNegative, settings.Clip,
            settings.Eps,
            settings.FocalGradient, losses, gradient, logits.Length);

    public override void AsymmetricSingleLabelLoss(
        Tensor logits, int[] labels, float gammaPositive, float gammaNegative, float labelSmoothing, Tensor losses, Tensor gradient)
    {
        using Tensor uploaded = Upload(labels);
        Rows(KernelNames.AsymmetricSingleLabelLoss, logits.Shape[0], logits, Argument.Pointer(uploaded), logits.Shape[1], gammaPositive,
            gammaNegative, labelSmoothing, losses, gradient, (long)logits.Shape[0]);
    }
}
