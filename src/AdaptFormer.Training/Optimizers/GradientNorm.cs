using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Optimizers;

/// <summary>The length of all gradients as one vector, and its bound.</summary>
public static class GradientNorm
{
    private const double Eps = 1e-6;

    /// <summary>√Σg².</summary>
    public static double Of(Tensor gradients)
    {
        using Tensor norm = gradients.NewEmpty(new Shape());
        new NormCall(gradients, norm).Run();
        return norm.Item();
    }

    /// <summary>
    /// Shortens the gradients to <paramref name="most"/> when they are longer: g ← g·most/(‖g‖ + 1e-6), as PyTorch does. What is not
    /// finite stays so.
    /// </summary>
    /// <param name="gradients">All gradients, in place.</param>
    /// <param name="most">The bound, above 0.</param>
    /// <returns>Their length before.</returns>
    public static double Clip(Tensor gradients, double most)
    {
        double norm = Of(gradients);
        float factor = (float)(most / (norm + Eps));
        if (!(factor >= 1)) new ScaleCall(gradients, factor, gradients).Run();
        return norm;
    }
}
