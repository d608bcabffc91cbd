using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>A method that was folded into a backbone's weights, and the way back, to the bit: the weights' earlier numbers are kept as long as this is.</summary>
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

    /// <summary>Changes the numbers of a weight.</summary>
    internal void Change(Parameter parameter, Action<float[]> change)
    {
        float[] numbers = parameter.ToArray();
        _changed.Add((parameter, [.. numbers]));
        change(numbers);
        parameter.Assign(numbers);
    }

    /// <summary>Takes a folded module out of <paramref name="parent"/>.</summary>
    internal void TakeOut(Module parent, Module child, Action empty, Action refill)
    {
        string? name = parent.Release(child);
        empty();
        _refill.Add(() =>
        {
            if (name is not null) parent.Add(name, child);
            refill();
        });
    }
}
