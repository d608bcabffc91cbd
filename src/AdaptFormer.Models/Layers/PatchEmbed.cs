using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Cuts an image into patches and maps each to a token.</summary>
public sealed class PatchEmbed : Module
{
    private readonly DataType _compute;
    private readonly Convolution _proj;

    /// <summary>Patches of p×p pixels of 3 channels, to C features.</summary>
    public PatchEmbed(int patchSize, int dim, DataType compute)
    {
        _compute = compute;
        _proj = Add("proj", new Convolution(patchSize, dim));
    }

    /// <summary>[B, 3, H, W] → [B, N, C], f32.</summary>
    public override Tensor Forward(Tensor x) => x.PatchEmbed(_proj.Weight, _proj.Bias, _compute);

    private sealed class Convolution : Module
    {
        public Convolution(int patchSize, int dim)
        {
            Weight = Add("weight", Parameter.Zeros(dim, 3, patchSize, patchSize));
            Bias = Add("bias", Parameter.Zeros(dim));
        }

        public Parameter Weight { get; }

        public Parameter Bias { get; }

        public override Tensor Forward(Tensor x) => x.PatchEmbed(Weight, Bias);
    }
}
