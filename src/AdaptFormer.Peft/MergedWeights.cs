using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// A method that was folded into a backbone's weights, and the way back, to the bit: the weights' earlier numbers are kept as long as this
/// is.
/// </summary>
public sealed class MergedWeights
{
    private readonly List<(Parameter Parameter, float[] Before)> _changed = [];
    private readonly List<Action> _refill = [];

    /// <summary>Takes the method out of the weights again and puts its modules back in their places. A second call does nothing.</summary>
    public void Unmerge()
    {
        foreach ((Parameter parameter, float[] before) in Enumerable.Reverse(_changed)) parameter.Assign(before);
        foreach (Action refill in _refill) refill();
        _changed.Clear();
        _refill.Clear();
    }

    /// <summary>Changes the numbers of a weight, which a method does as it folds itself into the backbone.</summary>
    /// <param name="parameter">The weight.</param>
    /// <param name="change">Is given its numbers, and changes them in place.</param>
    public void Change(Parameter parameter, Action<float[]> change)
    {
        float[] numbers = parameter.ToArray();
        _changed.Add((parameter, [.. numbers]));
        change(numbers);
        parameter.Assign(numbers);
    }

    /// <summary>Takes a folded module out of its seam.</summary>
    public void TakeOut(Seam seam)
    {
        if (seam.TakeOut() is { } taken) _refill.Add(taken.PutBack);
    }
}
