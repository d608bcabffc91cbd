namespace AdaptFormer.Export;

/// <summary>How a model is written as ONNX.</summary>
/// <param name="Pixels">
/// Whether the input is pictures of bytes of any size, with resize, crop and normalisation in the graph; otherwise it is the tensor that
/// the model reads.
/// </param>
/// <param name="Weights">How weights are kept.</param>
/// <param name="External">
/// Whether the numbers go into a second file beside it; a model that one file cannot hold does so in any case.
/// </param>
/// <param name="Opset">The version of the operators, 17 to 21.</param>
/// <param name="Features">Whether the features are a second output.</param>
public sealed record OnnxOptions(
    bool Pixels = true, WeightStorage Weights = WeightStorage.Float32, bool External = false, int Opset = 17, bool Features = false)
{
    /// <summary>The least and the greatest version of the operators.</summary>
    public const int LeastOpset = 17, GreatestOpset = 21;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentException">The version of the operators is out of range.</exception>
    public void Validate()
    {
        if (Opset is < LeastOpset or > GreatestOpset)
            throw new ArgumentException($"export: the opset is {Opset}, possible are {LeastOpset} to {GreatestOpset}.");
    }
}
