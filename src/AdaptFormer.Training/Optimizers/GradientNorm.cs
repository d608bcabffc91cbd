using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace AdaptFormer.Training.Optimizers;

/// <summary>The length of all gradients as one vector, and its bound.</summary>
/// <remarks>The sum has sixteen partial sums whatever the machine's vectors are, so that it does not depend on the machine.</remarks>
public static class GradientNorm
{
    private const double Eps = 1e-6;

    /// <summary>√Σg².</summary>
    public static double Of(ReadOnlySpan<float> gradients)
    {
        Vector512<double> low = default, high = default;
        ReadOnlySpan<Vector512<float>> lanes = MemoryMarshal.Cast<float, Vector512<float>>(gradients);
        foreach (Vector512<float> g in lanes)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(g);
            low += a * a;
            high += b * b;
        }

        double sum = Vector512.Sum(low) + Vector512.Sum(high);
        foreach (float g in gradients[(lanes.Length * Vector512<float>.Count)..]) sum += (double)g * g;
        return Math.Sqrt(sum);
    }

    /// <summary>Shortens the gradients to <paramref name="most"/> when they are longer: g ← g·most/(‖g‖ + 1e-6), as PyTorch does. What is not finite stays so.</summary>
    /// <param name="gradients">All gradients, in place.</param>
    /// <param name="most">The bound, above 0.</param>
    /// <returns>Their length before.</returns>
    public static double Clip(Span<float> gradients, double most)
    {
        double norm = Of(gradients);
        float factor = (float)(most / (norm + Eps));
        if (factor >= 1) return norm;
        Span<Vector<float>> lanes = MemoryMarshal.Cast<float, Vector<float>>(gradients);
        for (int i = 0; i < lanes.Length; i++) lanes[i] *= factor;
        for (int i = lanes.Length * Vector<float>.Count; i < gradients.Length; i++) gradients[i] *= factor;
        return norm;
    }
}
