using System.Diagnostics.CodeAnalysis;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Layers;

/// <summary>
/// What fills a backbone's seams in one pass, and which numbers of a task's own stand in place of the backbone's: an argument of the pass,
/// so that one backbone in memory serves any number of tasks at the same time. <see cref="Attached"/> stands for what is attached to the
/// model, <see cref="TaskSlots"/> for one task.
/// </summary>
public abstract class Slots
{
    /// <summary>What is attached to the model itself: the form in which a method trains.</summary>
    public static Slots Attached { get; } = new AttachedSlots();

    /// <summary>What fills <paramref name="seam"/>; null for nothing.</summary>
    public abstract T? Of<T>(Seam<T> seam) where T : Module, ISeamFiller<T>;

    /// <summary>
    /// The numbers that stand in place of a weight of the backbone: its own, unless the task trained them in place (biases, norms).
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The rows of this pass differ in it: see <see cref="Differ(ReadOnlySpan{Parameter})"/>.
    /// </exception>
    [return: NotNullIfNotNull(nameof(own))]
    public virtual Parameter? Of(Parameter? own) => own;

    /// <summary>Whether rows of this pass have different numbers in one of these weights, so that the layer must run by task.</summary>
    public virtual bool Differ(params ReadOnlySpan<Parameter?> own) => false;

    /// <summary>Whether rows of this pass differ in anything inside <paramref name="module"/>: seams or numbers.</summary>
    public virtual bool Differ(Module module) => false;

    /// <summary>Runs a layer for the samples of one task after the other.</summary>
    /// <param name="x">[B, ...].</param>
    /// <param name="layer">The layer, for some of the samples and their own slots.</param>
    /// <returns>All results in the order of the samples.</returns>
    public virtual Tensor ByTask(Tensor x, Func<Tensor, Slots, Tensor> layer) => layer(x, this);

    /// <summary>As <see cref="ByTask(Tensor, Func{Tensor, Slots, Tensor})"/>, for a layer that adds to a residual stream.</summary>
    /// <param name="x">[B, ...].</param>
    /// <param name="residual">[B, ...]; null for none.</param>
    /// <param name="layer">The layer, for some of the samples, their residual and their own slots.</param>
    public virtual Tensor ByTask(Tensor x, Tensor? residual, Func<Tensor, Tensor?, Slots, Tensor> layer) => layer(x, residual, this);

    private sealed class AttachedSlots : Slots
    {
        public override T? Of<T>(Seam<T> seam) where T : class => seam.Attached;
    }
}
