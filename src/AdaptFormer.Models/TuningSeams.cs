using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// What fills a backbone's seams at one moment: a method's modules, what it changed of the backbone's own weights, and the head, taken out
/// so that others can move in, and put back when those do not fit.
/// </summary>
public sealed class TuningSeams : IDisposable
{
    private readonly Backbone _model;
    private readonly List<TakenModule> _taken = [];
    private readonly List<(Parameter Parameter, bool Trainable)> _training;
    private Head? _head;
    private Action? _putBackNumbers;

    private TuningSeams(Backbone model)
    {
        _model = model;
        _training = [.. model.Parameters().Select(entry => (entry.Value, entry.Value.Trainable))];
    }

    /// <summary>
    /// Empties the seams of <paramref name="model"/>, gives weights that a method trained in place their pre-trained numbers back, and
    /// takes the head off; what was there is in the result.
    /// </summary>
    public static TuningSeams TakeFrom(Backbone model)
    {
        TuningSeams seams = new(model);
        foreach (Seam seam in model.Modules().ToList().SelectMany(module => module.Seams))
        {
            if (seam.TakeOut() is { } taken) seams._taken.Add(taken);
        }

        seams._head = model.TakeHead();
        if (model.Originals is { } originals)
        {
            OriginalWeights tuned = originals.Present();
            originals.PutBack();
            model.Originals = null;
            seams._putBackNumbers = () =>
            {
                tuned.PutBack();
                model.Originals = originals;
            };
        }

        return seams;
    }

    /// <summary>Puts everything back as it was, what trains included; what moved in meanwhile is freed.</summary>
    public void PutBack()
    {
        using (TakeFrom(_model))
        {
            foreach (TakenModule taken in _taken) taken.PutBack();
            if (_head is not null) _model.ReplaceHead(_head);
            _putBackNumbers?.Invoke();
        }

        Forget();
        foreach ((Parameter parameter, bool trainable) in _training) parameter.Trainable = trainable;
    }

    /// <summary>Frees what was taken out, unless it was put back.</summary>
    public void Dispose()
    {
        foreach (TakenModule taken in _taken) taken.Content.Dispose();
        _head?.Dispose();
        Forget();
    }

    private void Forget()
    {
        _taken.Clear();
        (_head, _putBackNumbers) = (null, null);
    }
}
