namespace AdaptFormer.Tensors;

/// <summary>The numbers of a bottleneck, Δ(x) = s·(W_up·f(W_down·x + b_down) + b_up).</summary>
/// <param name="Down">W_down, [M, C].</param>
/// <param name="DownBias">b_down, [M]; none if null.</param>
/// <param name="Up">W_up, [C, M].</param>
/// <param name="UpBias">b_up, [C]; none if null.</param>
/// <param name="Activation">f.</param>
/// <param name="Scale">s.</param>
/// <param name="Compute">Type of the products' inputs.</param>
public sealed record Bottleneck(
    Parameter Down, Parameter? DownBias, Parameter Up, Parameter? UpBias, Epilogue Activation, float Scale, DataType Compute);
