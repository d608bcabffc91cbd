using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Batch normalisation without affine parameters, ahead of the classifier as in the authors' code.</summary>
public sealed class BatchNorm : Layer
{
    private const float Momentum = 0.1f;

    /// <summary>Running mean 0 and variance 1 over C features.</summary>
    /// <param name="dim">C.</param>
    /// <param name="eps">Added to the variance; 1e-6 follows the authors' code (PyTorch's default is 1e-5).</param>
    public BatchNorm(int dim, float eps = 1e-6f)
    {
        Eps = eps;
        RunningMean = AddBuffer("running_mean", Parameter.Zeros(dim));
        RunningVariance = AddBuffer("running_var", Parameter.Full(new Shape(dim), 1));
        Batches = AddBuffer("num_batches_tracked", Parameter.Full(new Shape(), 0));
    }

    /// <summary>Added to the variance.</summary>
    public float Eps { get; }

    /// <summary>[C].</summary>
    public Parameter RunningMean { get; }

    /// <summary>[C].</summary>
    public Parameter RunningVariance { get; }

    /// <summary>How many batches moved the statistics.</summary>
    public Parameter Batches { get; }

    /// <summary>[B, C] → [B, C].</summary>
    public override Tensor Forward(Tensor x)
    {
        if (x.Tape is { } tape) RunningMove.Make(tape, Batches, Batches.NewFull(Batches.Shape, 1), share: null);
        return x.BatchNorm(RunningMean, RunningVariance, Momentum, Eps);
    }
}
