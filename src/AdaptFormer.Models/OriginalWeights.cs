using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// The pre-trained numbers of weights that a method trains in place (biases, norms): kept so that the next method starts from the
/// backbone as it was loaded. They are
/// few; full tuning keeps none.
/// </summary>
internal sealed class OriginalWeights
{
    private readonly Dictionary<Parameter, float[]> _numbers;

    /// <summary>Copies the present numbers of <paramref name="parameters"/>.</summary>
    public OriginalWeights(IEnumerable<Parameter> parameters) =>
        _numbers = parameters.Distinct().ToDictionary(parameter => parameter, parameter => parameter.ToArray());

    /// <summary>The original numbers of a weight; null where it was not touched.</summary>
    public float[]? Of(Parameter parameter) => _numbers.GetValueOrDefault(parameter);

    /// <summary>Puts them back.</summary>
    public void PutBack()
    {
        foreach ((Parameter parameter, float[] numbers) in _numbers) parameter.Assign(numbers);
    }

    /// <summary>The present numbers of the same weights.</summary>
    public OriginalWeights Present() => new(_numbers.Keys);
}
