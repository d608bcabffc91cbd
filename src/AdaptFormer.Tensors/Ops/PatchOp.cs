using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Patch embedding: a convolution whose stride is its kernel, as patches cut into rows times a matrix (ViT eq. 1). Of clips it cuts
/// tubelets.
/// </summary>
public static class PatchOp
{
    extension(Tensor pixels)
    {
        /// <summary>Cuts images into p×p patches, or clips into tubelets of t frames by p×p pixels, and maps each to O
        /// features.</summary>
        /// <param name="weight">The convolution's kernel, [O, C, p, p] or [O, C, t, p, p].</param>
        /// <param name="bias">[O]; none if null.</param>
        /// <param name="compute">Type of the product's inputs; f32 if null.</param>
        /// <returns>[B, N, O], f32: frames outermost, then rows, then columns of the grid.</returns>
        /// <remarks>pixels is [B, C, H, W] or [B, C, T, H, W], f32.</remarks>
        /// <exception cref="ArgumentException">The channels differ, or the kernel does not divide the pixels.</exception>
        public Tensor PatchEmbed(Tensor weight, Tensor? bias = null, DataType? compute = null)
        {
            int rank = pixels.Shape.Rank, p = weight.Shape.Rank >= 4 ? weight.Shape[^1] : 0, t = rank == 5 && weight.Shape.Rank == 5
                ? weight.Shape[2] : 1;
            if (rank is not (4 or 5) || weight.Shape.Rank != rank || weight.Shape[^2] != p || pixels.Shape[1] != weight.Shape[1]
                || !Cuts(pixels.Shape, t, p))
            {
                Throw.Shape("PatchEmbed", rank == 5
                    ? "pixels [B, C, T, H, W] must cut into tubelets of the kernel [O, C, t, p, p]"
                    : "pixels [B, C, H, W] must cut into patches of the kernel [O, C, p, p]", ("pixels", pixels), ("weight", weight));
            }

            return pixels.Unfold(p, compute ?? DataType.Float32, t).Linear(weight, bias, output: DataType.Float32);
        }

        /// <summary>
        /// Non-overlapping patches as rows: [B, C, H, W] → [B, (H/p)·(W/p), C·p·p], or tubelets: [B, C, T, H, W] → [B,
        /// (T/t)·(H/p)·(W/p), C·t·p·p].
        /// </summary>
        /// <param name="patch">p; divides H and W.</param>
        /// <param name="output">Type of the rows; f32 if null.</param>
        /// <param name="tubelet">t; divides T, and is 1 for images.</param>
        /// <exception cref="ArgumentException">The patch does not divide the pixels.</exception>
        public Tensor Unfold(int patch, DataType? output = null, int tubelet = 1)
        {
            Shape shape = pixels.Shape;
            if (shape.Rank is not (4 or 5) || !Cuts(shape, tubelet, patch))
                Throw.Shape("Unfold", $"patches of {(shape.Rank == 5 ? $"{tubelet} frames by " : "")}{patch} must divide pixels "
                    + $"{(shape.Rank == 5 ? "[B, C, T, H, W]" : "[B, C, H, W]")}", ("pixels", pixels));
            int patches = (shape.Rank == 5 ? shape[2] / tubelet : 1) * (shape[^2] / patch) * (shape[^1] / patch);
            Tensor rows = pixels.NewEmpty(new Shape(shape[0], patches, shape[1] * tubelet * patch * patch), output ?? DataType.Float32);
            new UnfoldCall(pixels, tubelet, patch, rows).Run();
            return rows.Record([pixels], keep: [], dy =>
            {
                Tensor dx = pixels.NewEmpty(pixels.Shape, pixels.Type);
                new FoldCall(dy, tubelet, patch, dx).Run();
                pixels.AddGrad(dx);
            });
        }
    }

    private static bool Cuts(Shape pixels, int tubelet, int patch)
    {
        int frames = pixels.Rank == 5 ? pixels[2] : 1;
        return patch > 0 && tubelet > 0 && frames % tubelet == 0 && pixels[^2] % patch == 0 && pixels[^1] % patch == 0;
    }
}
