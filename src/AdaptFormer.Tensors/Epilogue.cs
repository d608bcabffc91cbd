namespace AdaptFormer.Tensors;

/// <summary>What is done to a product before it is stored.</summary>
public enum Epilogue
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>max(0, t).</summary>
    Relu,

    /// <summary>t·Φ(t), with the exact error function.</summary>
    Gelu,
}
