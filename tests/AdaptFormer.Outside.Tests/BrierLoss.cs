using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training;

namespace AdaptFormer.Outside.Tests;

/// <summary>A loss: the mean of (σ(z) − t)², t one at the label.</summary>
internal sealed class BrierLoss() : TrainingLoss(new LossOptions())
{
    public override Tensor Of(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets = default)
    {
        int classes = logits.Shape[1];
        float[] wanted = new float[labels.Length * classes];
        for (int i = 0; i < labels.Length; i++) wanted[(i * classes) + labels[i]] = 1;
        return logits.Sigmoid().MeanSquaredError(logits.NewFrom(wanted, logits.Shape));
    }
}
