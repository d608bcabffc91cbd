using AdaptFormer.Tensors;

namespace AdaptFormer.Export;

/// <summary>
/// A value of the pass that depends on the input. Its node is written when somebody first reads it, so that factors behind a layer can
/// still go into the layer's own numbers.
/// </summary>
/// <param name="shape">Its shape in the pass that is traced.</param>
/// <param name="write">Adds what computes it to the graph, and names the result.</param>
internal sealed class Traced(Shape shape, Func<string> write)
{
    private Func<string>? _write = write;
    private string _name = "";
    private Func<float[], float[]?, string, Traced>? _rescale;

    /// <summary>Its shape in the pass that is traced.</summary>
    public Shape Shape => shape;

    /// <summary>Its name in the graph.</summary>
    public string Name
    {
        get
        {
            if (_write is null) return _name;
            _name = _write();
            (_write, _rescale) = (null, null);      // they hold the layer's numbers
            return _name;
        }
    }

    /// <summary>γ∘value + β over the last axis as a value of its own, where the layer can take both in; null where it cannot. The third
    /// argument goes behind the name of a weight that is the checkpoint's no more.</summary>
    public Func<float[], float[]?, string, Traced>? Rescale { get => _rescale; init => _rescale = value; }

    /// <summary>What this is factor∘x + shift of, column by column: a linear layer behind takes both in.</summary>
    public (Traced X, float[] Factor, float[] Shift)? Columns { get; init; }

    /// <summary>What this is the unfolded patches of: a patch embedding behind becomes a convolution.</summary>
    public (Traced Pixels, int Tubelet, int Patch)? Unfolded { get; init; }
}
