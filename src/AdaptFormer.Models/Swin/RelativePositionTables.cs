using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>Fits tables of relative positions to windows of another size, as the authors' loaders do.</summary>
internal static class RelativePositionTables
{
    /// <summary>The checkpoint's name of a block's table.</summary>
    public static string NameOf(int stage, int block) => $"layers.{stage}.blocks.{block}.attn.relative_position_bias_table";

    /// <summary>Resizes every table of <paramref name="state"/> that has another size than <paramref name="model"/> needs: bicubic over
    /// the window's rows and columns.</summary>
    /// <param name="state">Weights under our names, to be changed.</param>
    /// <param name="model">The sizes of the model.</param>
    /// <param name="fromImages">Whether the tables are those of an image model; they are then repeated for every step in time.</param>
    /// <param name="changes">What was done, in words, once for each stage.</param>
    /// <remarks>Tables that no square window has, or those of a video model for another number of frames, stay as they are; loading then
    /// names them.</remarks>
    public static void Fit(StateDict state, SwinSizes model, bool fromImages, ICollection<string> changes)
    {
        int stage = 0;
        foreach (TokenGrid grid in model.Grids())
        {
            TokenGrid window = model.Windows(grid, shifted: false).BiasWindow;
            string? change = null;
            for (int block = 0; block < model.Depths[stage]; block++)
            {
                string name = NameOf(stage, block);
                if (!state.Weights.TryGetValue(name, out StateDict.Weight? table) || table.Shape.Rank != 2) continue;
                if (Resized(table, window, fromImages) is not { } resized) continue;
                state.Add(name, resized);
                change = $"relative_position_bias_table of stage {stage} from {table.Shape[0]} to {resized.Shape[0]} positions "
                    + $"(bicubic{(fromImages ? ", repeated along time" : "")})";
            }

            if (change is not null) changes.Add(change);
            stage++;
        }
    }

    private static StateDict.Weight? Resized(StateDict.Weight table, TokenGrid window, bool fromImages)
    {
        (int rows, int heads) = (table.Shape[0], table.Shape[1]);
        int steps = (2 * window.T) - 1, slices = fromImages ? 1 : steps;
        (int Height, int Width) to = ((2 * window.H) - 1, (2 * window.W) - 1);
        int plane = rows / slices, side = (int)Math.Round(Math.Sqrt(plane));
        if (rows == WindowLayout.TableRowsOf(window) || rows % slices != 0 || side * side != plane || side % 2 == 0) return null;

        return new StateDict.Weight(new Shape(steps * to.Height * to.Width, heads), destination =>
        {
            float[] values = table.ToArray();
            for (int step = 0; step < steps; step++)
            {
                ReadOnlySpan<float> slice = values.AsSpan(fromImages ? 0 : step * plane * heads, plane * heads);
                PositionEmbeddings.Resize(slice, heads, extra: 0, (side, side), to)
                    .CopyTo(destination[(step * to.Height * to.Width * heads)..]);
            }
        });
    }
}
