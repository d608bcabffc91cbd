using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>What one block's attention did in a pass.</summary>
/// <param name="Block">Which block, from 0.</param>
/// <param name="Probabilities">As <see cref="Attention.Probabilities"/> gives them; their memory goes back soon after the call.</param>
/// <param name="Entered">Tokens of the method's own that joined at the front ahead of this block (VPT).</param>
/// <param name="Left">Those at the front that were taken out behind the block before.</param>
public readonly record struct BlockAttention(int Block, Tensor Probabilities, int Entered, int Left);

/// <summary>Shows what every block's attention reads, in a pass forwards that is otherwise the usual one.</summary>
public static class AttentionProbe
{
    /// <summary>Runs <paramref name="pixels"/> through <paramref name="model"/> and shows the blocks' attention, first to last.</summary>
    /// <param name="model">A model without a tape: attention is looked at as the model predicts.</param>
    /// <param name="pixels">[B, …], as for the model.</param>
    /// <param name="see">Called once for every block.</param>
    /// <param name="task">The task that is looked at; what is attached to the model if null.</param>
    /// <returns>What the model returns.</returns>
    public static Tensor Run(Backbone model, Tensor pixels, Action<BlockAttention> see, TaskSlots? task = null)
    {
        int seen = 0, done = 0;
        Slots slots = task ?? Slots.Attached;
        Head? head = task is null ? model.Head : task.Head;
        if (model is not TokenBackbone) return Classified(model.Features(pixels, slots, Observe));

        // What a plain transformer's first block reads is the embedding with class token and positions, which has no name of its own.
        Tensor tokens = model.RunBefore(0, pixels, slots);
        See(tokens, left: 0);
        return Classified(model.FeaturesAfter(0, tokens, slots, Observe));

        Tensor Classified(Tensor features) => head?.Forward(features) ?? features;

        void Observe(string name, Tensor value)
        {
            bool isBlock = name.Contains("block_", StringComparison.Ordinal);
            if (isBlock) done++;
            if (done != seen || seen == model.Blocks.Count || value.Shape[^1] != model.Blocks[seen].Dim)
                return;    // behind a stage's last block, merging comes first
            Tensor kept = isBlock && model.Prompts.In(slots) is { } prompts ? prompts.Leave(done - 1, value) : value;
            See(kept, left: value.Shape[1] - kept.Shape[1]);
        }

        void See(Tensor x, int left)
        {
            using TensorScope scope = new();
            int block = seen++;
            Tensor entered = model.Prompts.In(slots)?.Enter(block, x) ?? x;
            see(new BlockAttention(block, model.Blocks[block].AttentionProbabilities(entered, slots), entered.Shape[1] - x.Shape[1], left));
        }
    }
}
