using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models;

/// <summary>
/// A vision transformer as tuning methods see it: blocks with seams, tokens with a seam, and a head. It knows no method.
/// </summary>
public abstract class Backbone : Module
{
    /// <summary>
    /// Sees intermediate results under their names: <c>patch_embed</c>, <c>block_0</c> …, <c>features</c>, <c>logits</c>. Their memory
    /// goes back soon after the call; copy what is needed longer.
    /// </summary>
    public delegate void Observer(string name, Tensor value);

    /// <summary>The model's id, for example <c>vit_base_patch16_224</c>.</summary>
    public abstract string Id { get; }

    /// <summary>The blocks, first to last.</summary>
    public abstract IReadOnlyList<Block> Blocks { get; }

    /// <summary>Type of the products' inputs.</summary>
    public abstract DataType Compute { get; }

    /// <summary>Number of features that the head reads.</summary>
    public abstract int NumFeatures { get; }

    /// <summary>Shape of one input: [3, H, W] for pictures, [3, T, H, W] for clips.</summary>
    public Shape InputShape => Config.InputShape;

    /// <summary>Sizes.</summary>
    public abstract BackboneConfig Config { get; }

    /// <summary>Where the weights come from and which pictures they expect; null for a model that was not loaded.</summary>
    public BackboneSource? Source { get; internal set; }

    /// <summary>A model of the same sizes without weights, head or method; costs next to no memory.</summary>
    public Backbone CreateEmpty() => Config.Create(Id, Compute);

    /// <summary>Gives every weight its starting value for training from scratch (truncated normal 0.02; norms 1 and 0, biases 0).</summary>
    public virtual void Initialize(Rng rng)
    {
        foreach ((string name, Parameter parameter) in Parameters())
        {
            bool isNorm = name.Contains("norm");
            if (isNorm || name.EndsWith("bias", StringComparison.Ordinal)) continue;
            using Parameter start = Initializers.TruncatedNormal(rng, 0.02, parameter.Shape.Dims);
            parameter.Assign(start.Span);
        }
    }

    /// <summary>The fingerprint of the weights that a method does not train: that of the file they come from, else of the present numbers.</summary>
    public string ContentDigest()
    {
        if (Source is not null) return Source.Digest;
        using Backbone empty = CreateEmpty();
        HashSet<Parameter> trained = [.. empty.HeadNorms.SelectMany(norm => norm.Parameters()).Select(entry => entry.Value)];
        HashSet<string> names = [.. empty.Parameters().Where(entry => !trained.Contains(entry.Value)).Select(entry => entry.Key)];
        StateDict weights = StateDict.Of(this).Renamed(name => names.Contains(name) ? name : null);
        foreach ((string name, Parameter parameter) in Parameters())
        {
            if (names.Contains(name) && Originals?.Of(parameter) is { } numbers) weights.Add(name, new StateDict.Weight(parameter.Shape, numbers.CopyTo));
        }

        return BackboneDigest.Of(weights);
    }

    /// <summary>Lets weights of the backbone itself train; the next method starts from their numbers of now.</summary>
    /// <param name="parameters">Parameters of this model, few enough to be kept a second time.</param>
    public void TrainInPlace(IEnumerable<Parameter> parameters)
    {
        Parameter[] all = [.. parameters];
        Originals = new OriginalWeights(all);
        foreach (Parameter parameter in all) parameter.Trainable = true;
    }

    /// <summary>What weights that a method trains in place were before.</summary>
    internal OriginalWeights? Originals { get; set; }

    /// <summary>The tuning seam in the token space.</summary>
    public TokenPrompts? Prompts { get; set; }

    /// <summary>Whether tokens of a method's own may join the sequence; not so where attention looks at windows of a grid.</summary>
    public virtual bool TakesPrompts => true;

    /// <summary>Whether the head reads one token of many, which the others served only through attention.</summary>
    public virtual bool ReadsClassToken => false;

    /// <summary>The classifier; null for a feature extractor.</summary>
    public Head? Head { get; internal set; }

    /// <summary>Puts <paramref name="head"/> in place of the classifier.</summary>
    public void ReplaceHead(Head head)
    {
        if (head.Features != NumFeatures) throw new ArgumentException($"{Id}: the head reads {head.Features} features, the model makes {NumFeatures}.");
        Head?.Dispose();
        Head = Add("head", head);
    }

    /// <summary>Norms beside the head that train together with it in the authors' recipes (<c>fc_norm</c>); empty when there are none.</summary>
    public virtual IEnumerable<Module> HeadNorms => [];

    /// <summary>Pixels → logits [B, K], or features without a head.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, observe: null);

    /// <summary>As <see cref="Forward(Tensor)"/>, showing intermediate results to <paramref name="observe"/>.</summary>
    public Tensor Forward(Tensor pixels, Observer? observe) =>
        TensorScope.Run(() => Classify(InChunks(pixels, chunk => Features(chunk, observe), whole: observe is not null), observe));

    /// <summary>
    /// The deepest place ahead of which nothing changes while the model trains: the number of blocks that are frozen from the first on, one more than there are blocks when
    /// the features are fixed too; null when there is nothing to save. What <see cref="RunBefore"/> makes up to there can be kept.
    /// </summary>
    public virtual int? FrozenCut =>
        Prompts is null && Blocks.All(block => block.IsFixed) && TrainableParameters().Count() == (Head?.TrainableParameters().Count() ?? 0) ? Blocks.Count + 1 : null;

    /// <summary>The part of a pass ahead of a cut, as a prediction: pixels → tokens [B, N, C] ahead of block <paramref name="cut"/>, or one vector a sample behind the blocks, f32.</summary>
    /// <param name="cut">A place as <see cref="FrozenCut"/> names it.</param>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>.</param>
    public virtual Tensor RunBefore(int cut, Tensor pixels) =>
        cut == Blocks.Count + 1 ? InChunks(pixels, chunk => Features(chunk)) : throw new ArgumentException($"{Id}: a pass cannot be cut at {cut}, only behind the features.");

    /// <summary>The part of a pass behind a cut: what <see cref="RunBefore"/> made → logits [B, K], or features without a head.</summary>
    /// <param name="cut">A place as <see cref="FrozenCut"/> names it.</param>
    /// <param name="x">What <see cref="RunBefore"/> made there.</param>
    /// <param name="observe">Sees the results of this part.</param>
    public virtual Tensor RunAfter(int cut, Tensor x, Observer? observe = null) =>
        cut == Blocks.Count + 1 ? Classify(x, observe) : throw new ArgumentException($"{Id}: a pass cannot be cut at {cut}, only behind the features.");

    /// <summary>Features → logits, or the features themselves without a head.</summary>
    protected Tensor Classify(Tensor features, Observer? observe)
    {
        observe?.Invoke("features", features);
        if (Head is null) return features;
        Tensor logits = Head.Forward(features);
        observe?.Invoke("logits", logits);
        return logits;
    }

    /// <summary>
    /// Images travel through the backbone a few at a time, so that what a block works on stays in the cache and temporaries are a few images large;
    /// samples meet again at the head. Trainable weights are better off with the whole batch: every chunk would sweep over their gradients once more.
    /// </summary>
    protected Tensor InChunks(Tensor x, Func<Tensor, Tensor> body, bool whole = false)
    {
        int batch = x.Shape.Rank == 0 ? 0 : x.Shape[0];
        whole |= Blocks.Any(block => block.Mlp.Fc1.Weight.Trainable);
        int size = whole ? batch : (int)Math.Max(2, ChunkBytes / Math.Max(1, TokenBytes));
        return TensorScope.Run(() => BatchOps.ConcatBatch([.. Chunks().Select(chunk => TensorScope.Run(() => body(chunk)))]));

        IEnumerable<Tensor> Chunks()
        {
            for (int start = 0; start < batch; start += size) yield return x.SliceBatch(start, Math.Min(size, batch - start));
        }
    }

    private const long ChunkBytes = 5 << 19;

    /// <summary>Bytes of one image's tokens, f32.</summary>
    protected abstract long TokenBytes { get; }

    /// <summary>Pixels → features [B, C], f32: what the head reads.</summary>
    public abstract Tensor Features(Tensor pixels, Observer? observe = null);

    /// <summary>Runs the tokens through all blocks, each in a memory scope of its own, with the method's prompts.</summary>
    /// <param name="x">[B, N, C].</param>
    /// <param name="observe">Sees every block's whole result.</param>
    /// <param name="readout">How many of the first tokens are read afterwards: the last block makes no others, unless somebody observes it.</param>
    /// <param name="from">The first block to run.</param>
    /// <param name="to">The block to stop ahead of; all to the end if null.</param>
    /// <param name="ownsInput">Nobody reads x afterwards, so its memory goes back once the first block has used it.</param>
    protected Tensor RunBlocks(Tensor x, Observer? observe, int readout, int from = 0, int? to = null, bool ownsInput = false)
    {
        int inner = x.Shape[1];
        for (int i = from; i < (to ?? Blocks.Count); i++)
        {
            Tensor y = RunBlock(i, x, observe, inner, i == Blocks.Count - 1 ? readout : inner);
            if ((i > from || ownsInput) && y != x) x.Dispose();       // a prediction holds two blocks' tokens, not all; a tape holds what it needs
            x = y;
        }

        return x;
    }

    /// <summary>Runs the tokens through one block, in a memory scope of its own, with the method's prompts.</summary>
    /// <param name="i">Which block, counted from 0 over all of <see cref="Blocks"/>.</param>
    /// <param name="x">[B, P + N, C]: prompts that stay between blocks, and the input's own tokens.</param>
    /// <param name="observe">Sees the block's whole result.</param>
    /// <param name="inner">N.</param>
    /// <param name="readout">How many of the first of them are read afterwards: no others are made, unless somebody observes them.</param>
    protected Tensor RunBlock(int i, Tensor x, Observer? observe, int inner, int readout) => TensorScope.Run(() =>
    {
        Tensor tokens = Prompts?.Enter(i, x) ?? x;
        int prompts = tokens.Shape[1] - inner;
        tokens = readout < inner && observe is null ? Blocks[i].Forward(tokens, prompts + readout) : Blocks[i].Forward(tokens);
        observe?.Invoke(BlockName(i), tokens);
        return Prompts?.Leave(i, tokens) ?? tokens;
    });

    /// <summary>What a block's result is called for an <see cref="Observer"/>.</summary>
    protected virtual string BlockName(int i) => $"block_{i}";
}
