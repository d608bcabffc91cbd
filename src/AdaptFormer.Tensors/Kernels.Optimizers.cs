namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>
    /// g' = g + decay·p, m = μ·m + intake·g', p ← p − lr·m, or with Nesterov p − lr·(g' + μ·m), or without a buffer p −
    /// lr·g'; all f32.
    /// </summary>
    public virtual void SgdStep(Tensor p, Tensor g, Tensor? buffer, SgdSettings settings)
    {
        using Tensor gradient = Temporary(g.Shape);
        Copy(g, gradient);
        AddInto(gradient, p, settings.Decay);
        if (buffer is null)
        {
            AddInto(p, gradient, -settings.Lr);
            return;
        }

        Scale(buffer, settings.Momentum, buffer);
        AddInto(buffer, gradient, settings.Intake);
        if (settings.Nesterov)
        {
            AddInto(gradient, buffer, settings.Momentum);
            AddInto(p, gradient, -settings.Lr);
        }
        else AddInto(p, buffer, -settings.Lr);
    }

    /// <summary>g ← g·most/(norm + 10⁻⁶) where that factor is below 1, or is no number; norm is one number, all f32.</summary>
    public virtual void Clip(Tensor g, Tensor norm, double most)
    {
        float factor = (float)(most / (norm.Item() + 1e-6));
        if (!(factor >= 1)) Scale(g, factor, g);
    }
}
