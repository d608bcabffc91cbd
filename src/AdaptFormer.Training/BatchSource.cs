using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Training;

/// <summary>
/// Where batches come from, together with the part of the model that they go through: pictures through all of it, or what was kept of
/// a frozen part through the rest.
/// </summary>
public abstract class BatchSource
{
    /// <summary>Batch size, order and seed.</summary>
    public abstract LoaderOptions Options { get; }

    /// <summary>Number of batches of every epoch, of all processes together.</summary>
    public abstract int BatchesPerEpoch { get; }

    /// <summary>Number of samples of every epoch, of all processes together.</summary>
    public abstract int SamplesPerEpoch { get; }

    /// <summary>Samples of one item, which stand one after the other and are scored together by the mean of their logits.</summary>
    public abstract int Views { get; }

    /// <summary>Time that the consumer has spent waiting for batches so far.</summary>
    public abstract TimeSpan WaitTime { get; }

    /// <summary>
    /// This process's batches of an epoch, in order; the consumer disposes each. Of W processes the one of rank r has the batches r, r + W,
    /// r + 2·W and so on.
    /// </summary>
    /// <param name="epoch">Epoch, from 1; 0 for an evaluation.</param>
    /// <param name="from">The first batch, among this process's.</param>
    public abstract IEnumerable<InputBatch> Epoch(int epoch, int from = 0);

    /// <summary>A batch's input → logits [B, K].</summary>
    /// <param name="model">The model.</param>
    /// <param name="input">What the batch holds, on a tape to train.</param>
    /// <param name="observe">Sees intermediate results; none if null.</param>
    public abstract Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null);
}

/// <summary>A batch on its way into a model.</summary>
public abstract class InputBatch : IDisposable
{
    /// <summary>What the model reads: [B, …], f32.</summary>
    public abstract Tensor Input { get; }

    /// <summary>The pixels in the host's memory, which may be changed until <see cref="Input"/> is first read; null where the input is
    /// none.</summary>
    internal virtual Batch? Loaded => null;

    /// <summary>[B], class of each sample; <see cref="Batch.Unreadable"/> where it could not be read.</summary>
    public abstract ReadOnlySpan<int> Labels { get; }

    /// <summary>[B, K], shares of the classes: 0 or 1 each where an item may have several, or mixed ones; empty when <see cref="Labels"/>
    /// say it all.</summary>
    public virtual ReadOnlySpan<float> Targets => default;

    /// <summary>B.</summary>
    public int Count => Labels.Length;

    /// <inheritdoc/>
    public abstract void Dispose();
}
