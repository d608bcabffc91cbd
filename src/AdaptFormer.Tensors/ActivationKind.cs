namespace AdaptFormer.Tensors;

/// <summary>The elementwise nonlinearities.</summary>
public enum ActivationKind
{
    /// <summary>max(0, x).</summary>
    Relu,

    /// <summary>x·Φ(x), with the exact error function.</summary>
    Gelu,

    /// <summary>x/(1 + e^(−1.702·x)): GELU as OpenAI's CLIP approximates it.</summary>
    QuickGelu,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>1/(1 + e⁻ˣ).</summary>
    Sigmoid,
}
