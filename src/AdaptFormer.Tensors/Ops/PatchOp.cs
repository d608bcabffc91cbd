using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Patch embedding: a convolution whose stride is its kernel, as patches cut into rows times a matrix (ViT eq. 1).</summary>
public static class PatchOp
{
    extension(Tensor pixels)
    {
        /// <summary>Cuts images into p×p patches and maps each to C features.</summary>
        /// <param name="weight">The convolution's kernel [C, 3, p, p].</param>
        /// <param name="bias">[C]; none if null.</param>
        /// <param name="compute">Type of the product's inputs; f32 if null.</param>
        /// <returns>[B, (H/p)·(W/p), C], patches in row-major order, f32.</returns>
        /// <remarks>pixels is [B, 3, H, W], f32.</remarks>
        /// <exception cref="ArgumentException">The channels differ, or p does not divide the image.</exception>
        public Tensor PatchEmbed(Tensor weight, Tensor? bias = null, DataType? compute = null)
        {
            int p = weight.Shape.Rank == 4 ? weight.Shape[2] : 0;
            if (pixels.Shape.Rank != 4 || p == 0 || weight.Shape[3] != p || pixels.Shape[1] != weight.Shape[1] || pixels.Shape[2] % p != 0 || pixels.Shape[3] % p != 0)
                Throw.Shape("PatchEmbed", "pixels [B, C, H, W] must cut into patches of the kernel [O, C, p, p]", ("pixels", pixels), ("weight", weight));
            return pixels.Unfold(p, compute ?? DataType.Float32).Linear(weight, bias, output: DataType.Float32);
        }

        /// <summary>Non-overlapping p×p patches as rows: [B, C, H, W] → [B, (H/p)·(W/p), C·p·p], channels outermost in a row.</summary>
        /// <param name="patch">p; divides H and W.</param>
        /// <param name="output">Type of the rows; f32 if null.</param>
        /// <exception cref="ArgumentException">p does not divide the image.</exception>
        public Tensor Unfold(int patch, DataType? output = null)
        {
            if (pixels.Shape.Rank != 4 || patch <= 0 || pixels.Shape[2] % patch != 0 || pixels.Shape[3] % patch != 0)
                Throw.Shape("Unfold", $"patches of {patch} must divide pixels [B, C, H, W]", ("pixels", pixels));
            (int b, int c, int grid) = (pixels.Shape[0], pixels.Shape[1], pixels.Shape[2] / patch * (pixels.Shape[3] / patch));
            Tensor rows = Tensor.Empty(new Shape(b, grid, c * patch * patch), output ?? DataType.Float32);
            Backend.Current.Unfold(pixels, patch, rows);
            return rows.Record([pixels], keep: [], dy =>
            {
                Tensor dx = Tensor.Empty(pixels.Shape, pixels.Type);
                Backend.Current.Fold(dy, patch, dx);
                pixels.AddGrad(dx);
            });
        }
    }
}
