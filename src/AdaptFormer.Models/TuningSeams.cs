using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// What fills a backbone's seams at one moment: a method's modules, what it changed of the backbone's own weights, and the head, taken out so that others can
/// move in, and put back when those do not fit.
/// </summary>
public sealed class TuningSeams : IDisposable
{
    private readonly Backbone _model;
    private readonly List<(Module Parent, string Name, Module Child)> _modules = [];
    private readonly List<Action> _refill = [];
    private readonly List<(Parameter Parameter, bool Trainable)> _training;

    private TuningSeams(Backbone model)
    {
        _model = model;
        _training = [.. model.Parameters().Select(entry => (entry.Value, entry.Value.Trainable))];
    }

    /// <summary>
    /// Empties the seams of <paramref name="model"/>, gives weights that a method trained in place their pre-trained numbers back, and takes the head off; what was
    /// there is in the result.
    /// </summary>
    public static TuningSeams TakeFrom(Backbone model)
    {
        TuningSeams seams = new(model);
        foreach (Module module in model.Modules().ToList()) seams.TakeFrom(module);
        if (model.Prompts is { } prompts) seams.Take(model, prompts, () => model.Prompts = prompts, () => model.Prompts = null);
        if (model.Head is { } head) seams.Take(model, head, () => model.Head = head, () => model.Head = null);
        if (model.Originals is { } originals)
        {
            OriginalWeights tuned = originals.Present();
            originals.PutBack();
            model.Originals = null;
            seams._refill.Add(() =>
            {
                tuned.PutBack();
                model.Originals = originals;
            });
        }

        return seams;
    }

    /// <summary>Puts everything back as it was, what trains included; what moved in meanwhile is freed.</summary>
    public void PutBack()
    {
        using (TakeFrom(_model))
        {
            foreach ((Module parent, string name, Module child) in _modules) parent.Add(name, child);
            foreach (Action refill in _refill) refill();
        }

        _modules.Clear();
        _refill.Clear();
        foreach ((Parameter parameter, bool trainable) in _training) parameter.Trainable = trainable;
    }

    /// <summary>Frees what was taken out, unless it was put back.</summary>
    public void Dispose()
    {
        foreach ((_, _, Module child) in _modules) child.Dispose();
        _modules.Clear();
        _refill.Clear();
    }

    private void TakeFrom(Module module)
    {
        switch (module)
        {
            case Block block:
                if (block.AttnDelta is { } attention) Take(block, attention, () => block.AttnDelta = attention, () => block.AttnDelta = null);
                if (block.FfnDelta is { } feedForward) Take(block, feedForward, () => block.FfnDelta = feedForward, () => block.FfnDelta = null);
                break;
            case Linear linear:
                if (linear.Delta is { } delta) Take(linear, delta, () => linear.Delta = delta, () => linear.Delta = null);
                if (linear.After is { } behindLinear) Take(linear, behindLinear, () => linear.After = behindLinear, () => linear.After = null);
                break;
            case LayerNorm norm:
                if (norm.After is { } behindNorm) Take(norm, behindNorm, () => norm.After = behindNorm, () => norm.After = null);
                break;
            case PatchEmbed embed:
                if (embed.After is { } behindPatches) Take(embed, behindPatches, () => embed.After = behindPatches, () => embed.After = null);
                break;
        }
    }

    private void Take(Module parent, Module child, Action refill, Action empty)
    {
        if (parent.Release(child) is { } name) _modules.Add((parent, name, child));
        _refill.Add(refill);
        empty();
    }
}
