using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>A backbone whose blocks all work on one sequence of tokens, so that a pass can be cut ahead of any of them.</summary>
public abstract class TokenBackbone : Backbone
{
    /// <inheritdoc/>
    public sealed override Tensor Features(Tensor pixels, Slots slots, Observer? observe = null)
    {
        Tensor x = TensorScope.Run(() => Embed(pixels, slots, observe));                            // [B, N, C]
        return Finish(Pool(RunBlocks(x.Give(), slots, observe, Readout(x.Shape[1]))), slots);       // [B, F]
    }

    /// <inheritdoc/>
    public override int? FrozenCut
    {
        get
        {
            HashSet<Parameter> trained = [.. TrainableParameters().Select(entry => entry.Value)];
            IEnumerable<Module> parts = Blocks.Cast<Module>().Concat(Finishers).Concat(Head is null ? [] : [Head]);
            HashSet<Parameter> known = [.. parts.SelectMany(part => part.Parameters()).Select(entry => entry.Value)];
            if (Prompts.Attached is not null || !trained.IsSubsetOf(known)) return null;
            int frozen = Blocks.TakeWhile(block => block.IsFixed).Count();
            if (frozen < Blocks.Count) return frozen == 0 ? null : frozen;
            return Finishers.Any(part => part.TrainableParameters().Any()) ? frozen : frozen + 1;
        }
    }

    // The rule of BEiT and MAE: embedding, tokens, positions and a norm of them are one layer ahead of the blocks.
    private static readonly string[] Ahead = ["patch_embed.", "cls_token", "dist_token", "reg_token", "pos_embed", "norm_pre."];
    private static readonly string[] Behind = ["norm.", "fc_norm.", "pre_logits."];

    /// <inheritdoc/>
    protected override int? DepthOutside(string name) =>
        Array.Exists(Ahead, start => name.StartsWith(start, StringComparison.Ordinal)) ? 0
        : Array.Exists(Behind, start => name.StartsWith(start, StringComparison.Ordinal)) ? Blocks.Count + 1 : null;

    /// <inheritdoc/>
    protected sealed override int? CutOf(TaskSlots task)
    {
        int finishers = Finishers.Sum(task.CountIn);
        if (Blocks.Sum(task.CountIn) + finishers < task.Count) return null;       // it changes the embedding, or the sequence of tokens
        int free = Blocks.TakeWhile(block => task.CountIn(block) == 0).Count();
        return free == Blocks.Count && finishers == 0 ? free + 1 : free;
    }

    /// <inheritdoc/>
    public sealed override Tensor RunBefore(int cut, Tensor pixels, Slots slots)
    {
        if (cut > Blocks.Count) return base.RunBefore(cut, pixels, slots);
        return InChunks(pixels, chunk =>
        {
            Tensor x = TensorScope.Run(() => Embed(chunk, slots, observe: null));
            x = RunBlocks(x.Give(), slots, observe: null, cut == Blocks.Count ? Readout(x.Shape[1]) : x.Shape[1], from: 0, to: cut);
            return Cut(cut, x);
        });
    }

    /// <inheritdoc/>
    public sealed override Tensor RunBetween(int from, int to, Tensor x, Slots slots)
    {
        if (from >= to || to > Blocks.Count + 1) return base.RunBetween(from, to, x, slots);
        if (to > Blocks.Count) return InChunks(x, chunk => FeaturesAfter(from, chunk, slots, observe: null));
        return InChunks(x, chunk =>
        {
            int tokens = chunk.Shape[1];
            Tensor y = RunBlocks(chunk, slots, observe: null, to == Blocks.Count ? Readout(tokens) : tokens, from, to);
            return Cut(to, y);
        });
    }

    /// <summary>What a part of a pass ends with; the caller may read it any number of times, so it is not given.</summary>
    private Tensor Cut(int cut, Tensor x) => cut == Blocks.Count ? Pool(x) : x.View(x.Shape);

    /// <inheritdoc/>
    protected internal sealed override Tensor FeaturesAfter(int cut, Tensor x, Slots slots, Observer? observe) => cut switch
    {
        _ when cut > Blocks.Count => base.FeaturesAfter(cut, x, slots, observe),
        _ when cut == Blocks.Count => Finish(x, slots),
        _ => Finish(Pool(RunBlocks(x, slots, observe, Readout(x.Shape[1]), from: cut)), slots),
    };

    /// <inheritdoc/>
    protected sealed override void Collect(Tensor pixels, Action<int, Tensor> see)
    {
        Tensor x = Embed(pixels, Slots.Attached, observe: null);
        int tokens = x.Shape[1];
        for (int i = 0; i < Blocks.Count; i++) see(i, x = RunBlock(i, x, Slots.Attached, observe: null, tokens, tokens));
    }

    /// <summary>Runs the tokens through all blocks, each in a memory scope of its own, with the method's prompts.</summary>
    /// <param name="x">[B, N, C]; its memory goes back once the first block has used it if it was given.</param>
    /// <param name="slots">What fills the seams.</param>
    /// <param name="observe">Sees every block's whole result.</param>
    /// <param name="readout">
    /// How many of the first tokens are read afterwards: the last block makes no others, unless somebody observes it.
    /// </param>
    /// <param name="from">The first block to run.</param>
    /// <param name="to">The block to stop ahead of; all to the end if null.</param>
    protected Tensor RunBlocks(Tensor x, Slots slots, Observer? observe, int readout, int from = 0, int? to = null)
    {
        int inner = x.Shape[1];
        for (int i = from; i < (to ?? Blocks.Count); i++)
        {
            Tensor y = RunBlock(i, x, slots, observe, inner, i == Blocks.Count - 1 ? readout : inner).Give();
            if (x.IsGiven && y != x) x.Dispose();       // a prediction holds two blocks' tokens, not all; a tape holds what it needs
            x = y;
        }

        return x;
    }

    /// <summary>Pixels → tokens ahead of the first block, [B, N, C].</summary>
    protected abstract Tensor Embed(Tensor pixels, Slots slots, Observer? observe);

    /// <summary>How many of the first of N tokens <see cref="Pool"/> reads.</summary>
    protected abstract int Readout(int tokens);

    /// <summary>Tokens behind the last block → [B, C].</summary>
    protected abstract Tensor Pool(Tensor tokens);

    /// <summary>[B, C] → features [B, F].</summary>
    protected abstract Tensor Finish(Tensor pooled, Slots slots);

    /// <summary>The layers of <see cref="Finish"/>.</summary>
    protected abstract IEnumerable<Module> Finishers { get; }
}
