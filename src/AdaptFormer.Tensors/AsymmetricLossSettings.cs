namespace AdaptFormer.Tensors;

/// <summary>Settings of the asymmetric loss; the defaults are its authors'.</summary>
/// <param name="GammaNegative">γ₋, how fast easy negatives lose weight, at least 0.</param>
/// <param name="GammaPositive">γ₊, the same for positives, at least 0.</param>
/// <param name="Clip">m in [0, 1): negatives with p below it count for nothing.</param>
/// <param name="Eps">Floor of the logarithms' arguments, in (0, 1).</param>
/// <param name="FocalGradient">Whether the weight w is differentiated too; a constant in the backward pass otherwise.</param>
public sealed record AsymmetricLossSettings(
    float GammaNegative = 4, float GammaPositive = 1, float Clip = 0.05f, float Eps = 1e-8f, bool FocalGradient = false)
{
    internal void Check()
    {
        if (GammaNegative is not >= 0 || GammaPositive is not >= 0)
            throw new ArgumentOutOfRangeException(nameof(GammaNegative),
                $"AsymmetricLoss: both gammas must be at least 0, got {GammaNegative} and {GammaPositive}.");
        if (Clip is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Clip), $"AsymmetricLoss: clip is {Clip}, expected a number in [0, 1).");
        if (Eps is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Eps), $"AsymmetricLoss: eps is {Eps}, expected a number in (0, 1).");
    }
}
