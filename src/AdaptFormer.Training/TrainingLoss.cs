using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Training;

/// <summary>
/// A recipe's loss on batches of labels, of several labels an item, or of mixed ones. A loss of another kind overrides <see cref="Of"/>.
/// </summary>
public class TrainingLoss
{
    private readonly LossOptions _options;
    private readonly float[]? _weights;

    /// <summary>A loss.</summary>
    /// <param name="options">The recipe's choice.</param>
    /// <param name="multiLabel">Whether an item may have several classes.</param>
    /// <param name="perClass">[K], training items of each class, for balanced weights; may be null without.</param>
    /// <exception cref="ArgumentException">The loss is not one for such data.</exception>
    public TrainingLoss(LossOptions options, bool multiLabel = false, IReadOnlyList<int>? perClass = null)
    {
        (_options, MultiLabel) = (options, multiLabel);
        Name = options.Name != LossName.Auto ? options.Name : multiLabel ? LossName.Asymmetric : LossName.CrossEntropy;
        if (multiLabel && Name == LossName.CrossEntropy)
            throw new ArgumentException(
                "loss.name is cross_entropy, and a picture of these data may have several classes; set it to bce or asymmetric.");
        if (multiLabel && (options.ClassWeights is not null || options.BalanceClasses))
            throw new ArgumentException("loss.class_weights and balance_classes weigh the cross-entropy, and a picture of these data "
                + "may have several classes; set data.balanced instead.");
        if (multiLabel && options.LabelSmoothing > 0)
            throw new ArgumentException(
                $"loss.label_smoothing is {options.LabelSmoothing}, and a picture of these data may have several classes; set it to 0.");
        _weights = options.ClassWeights;
        if (options.BalanceClasses)
        {
            if (perClass is null) throw new ArgumentException("loss.balance_classes needs the number of pictures of each class.");
            double total = perClass.Sum();
            _weights = [.. perClass.Select(n => n == 0 ? 0 : (float)(total / (perClass.Count * (double)n)))];
        }

        if (_weights is not null && perClass is not null && _weights.Length != perClass.Count)
            throw new ArgumentException($"loss.class_weights has {_weights.Length} numbers for {perClass.Count} classes.");
    }

    /// <summary>Whether an item may have several classes.</summary>
    public bool MultiLabel { get; }

    /// <summary>The loss, never <see cref="LossName.Auto"/>.</summary>
    public LossName Name { get; }

    /// <summary>The loss of a batch, a scalar.</summary>
    /// <param name="logits">[B, K].</param>
    /// <param name="labels">[B].</param>
    /// <param name="targets">[B, K]: several classes an item, or shares that sum to 1; empty when the labels say it all.</param>
    public virtual Tensor Of(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets = default) => Name switch
    {
        LossName.CrossEntropy when _weights is null && targets.IsEmpty => logits.SoftmaxCrossEntropy(labels, _options.LabelSmoothing),
        LossName.CrossEntropy => CrossEntropy(logits, Smoothed(logits, labels, targets), labels, soft: !targets.IsEmpty),
        LossName.Bce => logits.BinaryCrossEntropy(Tensor.From(Smoothed(logits, labels, targets), logits.Shape)),
        LossName.Asymmetric when !MultiLabel && !targets.IsEmpty =>
            throw new ArgumentException("loss.name is asymmetric, which has no mixed targets; set it to cross_entropy or bce."),
        _ when MultiLabel => logits.AsymmetricLoss(Tensor.From(targets.ToArray(), logits.Shape),
            new AsymmetricLossSettings(_options.GammaNegative, _options.GammaPositive, _options.Clip)),
        _ => logits.AsymmetricSingleLabelLoss(labels, _options.GammaPositive, _options.GammaNegative, _options.LabelSmoothing),
    };

    /// <summary>−Σₖ wₖ·tₖ·log pₖ, divided by the labels' weights, or by B where targets are mixed: PyTorch's
    /// definition.</summary>
    private Tensor CrossEntropy(Tensor logits, float[] targets, ReadOnlySpan<int> labels, bool soft)
    {
        int classes = logits.Shape[1];
        if (_weights is not null && _weights.Length != classes)
            throw new ArgumentException($"loss.class_weights has {_weights.Length} numbers for {classes} classes.");
        double divisor = soft ? labels.Length : 0;
        for (int i = 0; i < targets.Length; i++) targets[i] *= _weights?[i % classes] ?? 1;
        if (!soft) foreach (int label in labels) divisor += _weights![label];
        Tensor sum = logits.SoftmaxCrossEntropy(Tensor.From(targets, logits.Shape), LossReduction.Sum);
        return (divisor == 0 ? 0 : (float)(1 / divisor)) * sum;
    }

    /// <summary>(1 − ε)·t + ε/K, which is linear: smoothing mixed targets is mixing smoothed ones.</summary>
    private float[] Smoothed(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets)
    {
        (int b, int k) = (logits.Shape[0], logits.Shape[1]);
        float[] result = new float[b * k];
        if (!targets.IsEmpty) targets.CopyTo(result);
        else for (int i = 0; i < b; i++) result[(i * k) + labels[i]] = 1;
        if (_options.LabelSmoothing > 0)
        {
            for (int i = 0; i < result.Length; i++) result[i] = ((1 - _options.LabelSmoothing) * result[i]) + (_options.LabelSmoothing / k);
        }

        return result;
    }
}
