
namespace AdaptFormer.Training.Optimizers;

/// <summary>One trainable tensor's place in the flat buffer that an <see cref="Optimizer"/> updates.</summary>
/// <param name="Name">The parameter's name in the model, unique; it names the state in checkpoints.</param>
/// <param name="Start">First element in the flat buffer, at least 0.</param>
/// <param name="Length">Number of elements, at least 0.</param>
/// <param name="Rank">Number of axes. Biases, norms and scalars have rank 0 or 1, which <see cref="Lars"/> neither scales nor
/// decays.</param>
/// <param name="LrScale">Factor of the learning rate for this tensor, at least 0.</param>
public readonly record struct ParameterSegment(string Name, int Start, int Length, int Rank, double LrScale = 1);
