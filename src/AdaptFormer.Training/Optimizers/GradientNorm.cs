using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Optimizers;

/// <summary>The length of all gradients as one vector, and its bound.</summary>
public static class GradientNorm
{
    /// <summary>√Σg².</summary>
    public static double Of(Tensor gradients)
    {
        using Tensor norm = gradients.NewEmpty(new Shape());
        new NormCall(gradients, norm).Run();
        return norm.Item();
    }

    /// <summary>
    /// Shortens the gradients to <paramref name="most"/> when they are longer: g ← g·most/(‖g‖ + 1e-6), as PyTorch does. What is not
    /// finite stays so. Nothing is read on the host.
    /// </summary>
    /// <param name="gradients">All gradients, in place.</param>
    /// <param name="most">The bound, above 0.</param>
    public static void Clip(Tensor gradients, double most)
    {
        using Tensor norm = gradients.NewEmpty(new Shape());
        new NormCall(gradients, norm).Run();
        new ClipCall(gradients, norm, most).Run();
    }
}
