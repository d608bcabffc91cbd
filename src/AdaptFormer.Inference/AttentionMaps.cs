using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>
/// Which patches a model reads in one input. Maps hold a share for each patch, frames first, then rows; what a map lacks to 1 went to
/// tokens that are no patches: the class token and prompts.
/// </summary>
/// <param name="Grid">How the patches of the last block lie.</param>
/// <param name="Reader">Whose attention is shown, in words.</param>
/// <param name="Heads">Attention of the last block, a map for each head.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Rollout">Attention through all blocks; null where attention is confined to windows.</param>
/// <remarks>
/// Rollout is Abnar and Zuidema's, arXiv:2005.00928: the product over the blocks of ½·A + ½·I, A being the mean over heads. Where a
/// head reads the class token, its row is shown; where it reads the mean of all patches, the mean of their rows.
/// </remarks>
public sealed record AttentionMaps(TokenGrid Grid, string Reader, IReadOnlyList<float[]> Heads, float[] Mean, float[]? Rollout)
{
    /// <summary>Runs one input through the model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="input">[1, 3, H, W] or [1, 3, T, H, W], normalised.</param>
    /// <param name="task">The task that is looked at; what is attached to the model if null.</param>
    /// <returns>The maps, and what the model answered: logits [K], or features without a head.</returns>
    /// <exception cref="ArgumentException">There is not exactly one input.</exception>
    public static (AttentionMaps Maps, float[] Answer) Of(Backbone model, Tensor input, TaskSlots? task = null)
    {
        if (input.Shape[0] != 1) throw new ArgumentException($"AttentionMaps: one input at a time, got {input.Shape}.");
        using TensorScope scope = new();
        List<Layer> layers = [];
        AttentionMaps? maps = null;
        Tensor answer = AttentionProbe.Run(model, input, block =>
        {
            bool isLast = block.Block == model.Blocks.Count - 1;
            if (model.Blocks[block.Block].Attn is WindowAttention windowed)
            {
                if (isLast) maps = InWindows(windowed.Windows, block.Probabilities);
                return;
            }

            layers.Add(new Layer(MeanOverHeads(block.Probabilities), block.Probabilities.Shape[^1], block.Entered, block.Left));
            if (isLast) maps = Global(model, block.Probabilities, layers);
        }, task);
        return (maps ?? throw new ArgumentException($"{model.Id} has no blocks whose attention could be shown."), answer.ToArray());
    }

    private static AttentionMaps Global(Backbone model, Tensor probabilities, List<Layer> layers)
    {
        (int heads, int n) = (probabilities.Shape[1], probabilities.Shape[^1]);
        TokenGrid grid = model.Blocks[^1].Grid;
        int first = n - grid.Count;
        float[] reader = new float[n];
        if (model.ReadsClassToken) reader[first - model.FrontTokens] = 1;
        else reader.AsSpan(first).Fill(1f / grid.Count);

        float[] all = probabilities.ToArray();
        float[][] maps = [.. Enumerable.Range(0, heads).Select(h => Times(reader, all.AsSpan(h * n * n, n * n), n)[first..])];
        return new AttentionMaps(grid, model.ReadsClassToken ? "what the class token reads" : "what all patches read, in the mean", maps,
            MeanOf(maps), Rolled(reader, layers)[^grid.Count..]);
    }

    /// <summary>v·∏ (½·A + ½·I), from the last block to the first: a vector at a time, never a product of matrices.</summary>
    private static float[] Rolled(float[] reader, List<Layer> layers)
    {
        float[] v = reader;
        for (int i = layers.Count - 1; i >= 0; i--)
        {
            float[] read = Times(v, layers[i].Attention, layers[i].Tokens);
            for (int k = 0; k < read.Length; k++) read[k] = 0.5f * (read[k] + v[k]);
            v = read[layers[i].Entered..];                                                      // what was read of fresh prompts ends here
            // and nothing was read of those that had left
            if (layers[i].Left > 0) v = [.. new float[layers[i].Left], .. v];
        }

        return v;
    }

    /// <summary>Each window's patches read of that window; the maps are put together over the grid.</summary>
    private static AttentionMaps InWindows(WindowLayout windows, Tensor probabilities)
    {
        (int heads, int n, TokenGrid grid) = (probabilities.Shape[2], probabilities.Shape[^1], windows.Size);
        float[] all = probabilities.ToArray();
        float[][] maps = [.. Enumerable.Range(0, heads).Select(_ => new float[grid.Count])];
        for (int item = 0; item < windows.Counts.Count * heads; item++)
        {
            ReadOnlySpan<int> tokens = windows.TokensOf(item / heads);
            ReadOnlySpan<float> p = all.AsSpan(item * n * n, n * n);
            float[] map = maps[item % heads];
            for (int i = 0; i < n; i++)
            {
                if (tokens[i] < 0) continue;        // padding asks nothing
                for (int j = 0; j < n; j++)
                {
                    if (tokens[j] >= 0) map[tokens[j]] += p[(i * n) + j] / grid.Count;
                }
            }
        }

        return new AttentionMaps(grid, "what all patches read, in the mean, each within its window", maps, MeanOf(maps), null);
    }

    private static float[] MeanOverHeads(Tensor probabilities)
    {
        (int heads, int length) = (probabilities.Shape[1], (int)(probabilities.Length / probabilities.Shape[1]));
        float[] mean = new float[length];
        ReadOnlySpan<float> all = probabilities.ToArray();
        for (int h = 0; h < heads; h++)
        {
            ReadOnlySpan<float> head = all.Slice(h * length, length);
            for (int k = 0; k < length; k++) mean[k] += head[k] / heads;
        }

        return mean;
    }

    private static float[] MeanOf(float[][] maps) => [.. Enumerable.Range(0, maps[0].Length).Select(k => maps.Average(map => map[k]))];

    /// <summary>v·A for A [n, n].</summary>
    private static float[] Times(float[] v, ReadOnlySpan<float> a, int n)
    {
        float[] y = new float[n];
        for (int i = 0; i < n; i++)
        {
            if (v[i] == 0) continue;
            ReadOnlySpan<float> row = a.Slice(i * n, n);
            for (int j = 0; j < n; j++) y[j] += v[i] * row[j];
        }

        return y;
    }

    private sealed record Layer(float[] Attention, int Tokens, int Entered, int Left);
}
