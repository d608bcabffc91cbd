using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Cuts an image into patches, or a clip into tubelets, and maps each to a token.</summary>
public sealed class PatchEmbed : Layer
{
    private readonly DataType _compute;
    private readonly Convolution _proj;

    /// <summary>Patches of p×p pixels of 3 channels, to C features.</summary>
    /// <param name="patchSize">p.</param>
    /// <param name="dim">C.</param>
    /// <param name="compute">Type of the product's inputs.</param>
    /// <param name="tubeletSize">Frames of a tubelet; null for images.</param>
    /// <param name="bias">Whether there is a bias.</param>
    public PatchEmbed(int patchSize, int dim, DataType compute, int? tubeletSize = null, bool bias = true)
    {
        _compute = compute;
        int[] kernel = tubeletSize is { } t ? [dim, 3, t, patchSize, patchSize] : [dim, 3, patchSize, patchSize];
        _proj = Add("proj", new Convolution(kernel, bias));
        After = AddSeam<Layer>("after");
    }

    /// <summary>The patch kernel, [C, 3, p, p] or [C, 3, t, p, p].</summary>
    public Parameter Weight => _proj.Weight;

    /// <summary>[C], if there is one.</summary>
    public Parameter? Bias => _proj.Bias;

    /// <summary>The tuning seam behind the layer: a function of its output (SSF).</summary>
    public Seam<Layer> After { get; }

    /// <summary>[B, 3, H, W] or [B, 3, T, H, W] → [B, N, C], f32.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, Slots.Attached);

    /// <summary>[B, 3, H, W] or [B, 3, T, H, W] → [B, N, C], f32, in a pass with these slots.</summary>
    public Tensor Forward(Tensor x, Slots slots)
    {
        if (slots.Differ(Bias)) return slots.ByTask(x, Forward);
        Tensor y = x.PatchEmbed(Weight, slots.Of(Bias), _compute);
        return After.In(slots)?.Forward(y) ?? y;
    }

    private sealed class Convolution : Module
    {
        public Convolution(int[] kernel, bool bias)
        {
            Weight = Add("weight", Parameter.Zeros(kernel));
            Bias = bias ? Add("bias", Parameter.Zeros(kernel[0])) : null;
        }

        public Parameter Weight { get; }

        public Parameter? Bias { get; }
    }
}
