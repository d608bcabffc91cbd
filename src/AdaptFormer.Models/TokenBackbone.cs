using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>A backbone whose blocks all work on one sequence of tokens, so that a pass can be cut ahead of any of them.</summary>
public abstract class TokenBackbone : Backbone
{
    /// <inheritdoc/>
    public sealed override Tensor Features(Tensor pixels, Observer? observe = null)
    {
        Tensor x = TensorScope.Run(() => Embed(pixels, observe));                              // [B, N, C]
        return Finish(Pool(RunBlocks(x, observe, Readout(x.Shape[1]), ownsInput: true)));      // [B, F]
    }

    /// <inheritdoc/>
    public override int? FrozenCut
    {
        get
        {
            HashSet<Parameter> trained = [.. TrainableParameters().Select(entry => entry.Value)];
            HashSet<Parameter> known = [.. Blocks.Cast<Module>().Concat(Finishers).Concat(Head is null ? [] : [Head]).SelectMany(part => part.Parameters()).Select(entry => entry.Value)];
            if (Prompts is not null || !trained.IsSubsetOf(known)) return null;
            int frozen = Blocks.TakeWhile(block => block.IsFixed).Count();
            if (frozen < Blocks.Count) return frozen == 0 ? null : frozen;
            return Finishers.Any(part => part.TrainableParameters().Any()) ? frozen : frozen + 1;
        }
    }

    /// <inheritdoc/>
    public sealed override Tensor RunBefore(int cut, Tensor pixels)
    {
        if (cut > Blocks.Count) return base.RunBefore(cut, pixels);
        return InChunks(pixels, chunk =>
        {
            Tensor x = TensorScope.Run(() => Embed(chunk, observe: null));
            x = RunBlocks(x, observe: null, cut == Blocks.Count ? Readout(x.Shape[1]) : x.Shape[1], from: 0, to: cut, ownsInput: true);
            return cut == Blocks.Count ? Pool(x) : x;
        });
    }

    /// <inheritdoc/>
    public sealed override Tensor RunAfter(int cut, Tensor x, Observer? observe = null)
    {
        if (cut > Blocks.Count) return base.RunAfter(cut, x, observe);
        return Classify(cut == Blocks.Count ? Finish(x) : InChunks(x, chunk => Finish(Pool(RunBlocks(chunk, observe, Readout(chunk.Shape[1]), from: cut))), whole: observe is not null), observe);
    }

    /// <summary>Pixels → tokens ahead of the first block, [B, N, C].</summary>
    protected abstract Tensor Embed(Tensor pixels, Observer? observe);

    /// <summary>How many of the first of N tokens <see cref="Pool"/> reads.</summary>
    protected abstract int Readout(int tokens);

    /// <summary>Tokens behind the last block → [B, C].</summary>
    protected abstract Tensor Pool(Tensor tokens);

    /// <summary>[B, C] → features [B, F].</summary>
    protected abstract Tensor Finish(Tensor pooled);

    /// <summary>The layers of <see cref="Finish"/>.</summary>
    protected abstract IEnumerable<Module> Finishers { get; }
}
