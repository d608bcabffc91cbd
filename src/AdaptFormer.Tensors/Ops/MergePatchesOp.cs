using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Swin's patch merging: four neighbours become one token of four times the features, rows first: (0, 0), (1, 0), (0, 1), (1, 1) as (row,
/// column).
/// </summary>
public static class MergePatchesOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// Joins the features of each 2×2 neighbourhood of every frame; a grid of odd size is padded with zeros at its end.
        /// </summary>
        /// <param name="grid">How the tokens of x lie.</param>
        /// <returns>[B, T·⌈H/2⌉·⌈W/2⌉, 4·C].</returns>
        /// <remarks>x is [B, T·H·W, C]. Nothing is kept.</remarks>
        /// <exception cref="ArgumentException">x does not have the grid's number of tokens.</exception>
        public Tensor MergePatches(TokenGrid grid)
        {
            if (x.Shape.Rank != 3 || x.Shape[1] != grid.Count) Throw.Shape("MergePatches", $"x must be [B, {grid}, C]", ("x", x));
            Tensor y = x.NewEmpty(new Shape(x.Shape[0], grid.Merged.Count, 4 * x.Shape[2]), x.Type);
            new MergePatchesCall(x, grid, y).Run();
            return y.Record([x], keep: [], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape, x.Type);
                new SplitPatchesCall(dy.As(x.Type), grid, dx).Run();
                x.AddGrad(dx);
            });
        }
    }
}
