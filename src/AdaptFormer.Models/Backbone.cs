using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models;

/// <summary>
/// A vision transformer as tuning methods see it: blocks with seams, tokens with a seam, and a head. It knows no method.
/// </summary>
public abstract class Backbone : Layer
{
    private const long ChunkBytes = 5 << 19;

    /// <summary>A backbone without layers, for a subclass to fill.</summary>
    protected Backbone() => Prompts = AddSeam<TokenPrompts>("prompts");

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

    /// <summary>Whether the model reads clips [3, T, S, S] and not pictures [3, S, S].</summary>
    public bool ReadsClips => InputShape.Rank == 4;

    /// <summary>Sizes.</summary>
    public abstract BackboneConfig Config { get; }

    /// <summary>Where the weights come from and which pictures they expect; null for a model that was not loaded.</summary>
    public BackboneSource? Source { get; internal set; }

    /// <summary>What pictures must look like for this model: as its weights say, else by its id, else as ImageNet's.</summary>
    /// <exception cref="ArgumentException">The model does not read square pictures.</exception>
    public Preprocessing ExpectedPictures
    {
        get
        {
            (int height, int width) = (InputShape[^2], InputShape[^1]);
            if (height != width)
                throw new ArgumentException(
                    $"{Id} reads {height}x{width} pixels; pictures are cut to squares only: set model.image_size.");
            Preprocessing known = Source?.Preprocessing
                ?? (ModelZoo.Contains(Id) ? ModelZoo.Get(Id).Preprocessing : Preprocessing.ImageNet(height));
            return known.ImgSize == height ? known : known.WithImgSize(height);
        }
    }

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
            parameter.Assign(start.ToArray());
        }
    }

    /// <summary>
    /// The fingerprint of the weights that a method does not train: that of the file they come from, else of the present numbers.
    /// </summary>
    public string ContentDigest()
    {
        if (Source is not null) return Source.Digest;
        using Backbone empty = CreateEmpty();
        HashSet<Parameter> trained = [.. empty.HeadNorms.SelectMany(norm => norm.Parameters()).Select(entry => entry.Value)];
        HashSet<string> names = [.. empty.Parameters().Where(entry => !trained.Contains(entry.Value)).Select(entry => entry.Key)];
        StateDict weights = StateDict.Of(this).Renamed(name => names.Contains(name) ? name : null);
        foreach ((string name, Parameter parameter) in Parameters())
        {
            if (names.Contains(name) && Originals?.Of(parameter) is { } numbers)
                weights.Add(name, new StateDict.Weight(parameter.Shape, numbers.CopyTo));
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

    /// <summary>
    /// Lets predictions run the frozen products of the blocks in 8-bit whole numbers: a step for each output of a weight and one for each
    /// token. Norms, softmax, what a method adds and the head stay in f32. Weights that train are left alone.
    /// </summary>
    public void PredictInBytes() => PredictInBytes(Blocks.Count);

    /// <summary>As <see cref="PredictInBytes()"/>, for the first blocks alone.</summary>
    /// <param name="blocks">How many.</param>
    /// <param name="inBytes">Whether they run so from now on; false makes them exact again.</param>
    public void PredictInBytes(int blocks, bool inBytes = true)
    {
        PredictsInBytes = inBytes && blocks >= Blocks.Count;
        foreach (Block block in Blocks.Take(blocks))
        {
            foreach (Linear layer in (Linear[])[block.Attn.Qkv, block.Attn.Proj, block.Mlp.Fc1, block.Mlp.Fc2])
            {
                if (!layer.Weight.Trainable) layer.Weight.InBytes = inBytes;
            }
        }
    }

    /// <summary>Whether <see cref="PredictInBytes()"/> was called.</summary>
    public bool PredictsInBytes { get; private set; }

    /// <summary>What weights that a method trains in place were before.</summary>
    internal OriginalWeights? Originals { get; set; }

    /// <summary>The tuning seam in the token space.</summary>
    public Seam<TokenPrompts> Prompts { get; }

    /// <summary>Whether tokens of a method's own may join the sequence; not so where attention looks at windows of a grid.</summary>
    public virtual bool TakesPrompts => true;

    /// <summary>Tokens ahead of those of the patches: a class token, registers; without a method's own.</summary>
    public virtual int FrontTokens => 0;

    /// <summary>Whether the head reads one token of many, which the others served only through attention.</summary>
    public virtual bool ReadsClassToken => false;

    /// <summary>The classifier; null for a feature extractor.</summary>
    public Head? Head { get; internal set; }

    /// <summary>Puts <paramref name="head"/> in place of the classifier.</summary>
    public void ReplaceHead(Head head)
    {
        if (head.Features != NumFeatures)
            throw new ArgumentException($"{Id}: the head reads {head.Features} features, the model makes {NumFeatures}.");
        Head?.Dispose();
        Head = Add("head", head);
    }

    /// <summary>Takes the classifier off; it is the caller's from then on.</summary>
    internal Head? TakeHead()
    {
        if (Head is not { } head) return null;
        Release(head);
        Head = null;
        return head;
    }

    /// <summary>
    /// Where a parameter stands, for rates that fall from the head to the input: 0 ahead of the blocks, i + 1 in block i (from 0), one more
    /// than there are blocks behind them. What a method adds to a layer stands where the layer does; its prompts stand with the head.
    /// </summary>
    /// <param name="name">The parameter's name, as <see cref="Module.Parameters"/> gives it.</param>
    /// <param name="parameter">The parameter.</param>
    /// <exception cref="ArgumentException">The model does not know the name.</exception>
    public int DepthOf(string name, Parameter parameter)
    {
        for (int i = 0; i < Blocks.Count; i++)
        {
            if (Blocks[i].Parameters().Any(entry => entry.Value == parameter)) return i + 1;
        }

        bool isBehind = name.StartsWith("head.", StringComparison.Ordinal)
            || Prompts.Attached?.Parameters().Any(entry => entry.Value == parameter) == true;
        return isBehind ? Blocks.Count + 1
            : DepthOutside(name)
                ?? throw new ArgumentException($"{Id}: no depth is known of the parameter '{name}', so layer_decay has no rate for it.");
    }

    /// <summary>The depth of a parameter of the family's own that stands in no block; null for a name that the family does not
    /// have.</summary>
    protected abstract int? DepthOutside(string name);

    /// <summary>
    /// Norms beside the head that train together with it in the authors' recipes (<c>fc_norm</c>); empty when there are none.
    /// </summary>
    public virtual IEnumerable<Module> HeadNorms => [];

    /// <summary>Pixels → logits [B, K], or features without a head.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, observe: null);

    /// <summary>As <see cref="Forward(Tensor)"/>, showing intermediate results to <paramref name="observe"/>.</summary>
    public Tensor Forward(Tensor pixels, Observer? observe) => TensorScope.Run(() =>
        Classify(InChunks(pixels, chunk => Features(chunk, Slots.Attached, observe), whole: observe is not null), observe));

    /// <summary>
    /// Pixels → logits [B, K] of one task, which is an argument of the pass: what is attached to the model plays no part.
    /// </summary>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>.</param>
    /// <param name="task">A task of this backbone; <see cref="TaskSlots.None"/> for the features of the plain backbone.</param>
    /// <exception cref="ArgumentException">The task belongs to another backbone, or the pass is recorded.</exception>
    /// <exception cref="InvalidOperationException">A method that trains weights of the backbone in place is attached.</exception>
    public Tensor Forward(Tensor pixels, TaskSlots task)
    {
        CheckTask(task, pixels);
        return TensorScope.Run(() =>
        {
            Tensor features = InChunks(pixels, chunk => Features(chunk, task));
            return task.Head?.Forward(features) ?? features;
        });
    }

    /// <summary>Pixels of several tasks in one pass: the frozen layers see the whole batch, each sample its own task's layers.</summary>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>.</param>
    /// <param name="tasks">The task of each sample, in any order; fastest where those of one task stand together.</param>
    /// <returns>The logits of each sample, [K] of its task, f32.</returns>
    /// <exception cref="ArgumentException">
    /// A task belongs to another backbone, or their number is not the batch's, or the pass is recorded.
    /// </exception>
    /// <exception cref="InvalidOperationException">A method that trains weights of the backbone in place is attached.</exception>
    public Tensor[] Forward(Tensor pixels, IReadOnlyList<TaskSlots> tasks) =>
        MixedPass.Run(this, pixels, cut: null, tasks, [.. Enumerable.Range(0, pixels.Shape.Rank == 0 ? 0 : pixels.Shape[0])]);

    /// <summary>
    /// The deepest place ahead of which nothing changes while the model trains: the number of blocks that are frozen from the first on, one
    /// more than there are blocks when the features are fixed too; null when there is nothing to save. What
    /// <see cref="RunBefore(int, Tensor)"/> makes up to there can be kept.
    /// </summary>
    public virtual int? FrozenCut =>
        Prompts.Attached is null && Blocks.All(block => block.IsFixed)
            && TrainableParameters().Count() == (Head?.TrainableParameters().Count() ?? 0) ? Blocks.Count + 1 : null;

    /// <summary>
    /// The deepest place ahead of which none of these tasks changes anything, so that all of them can share what is made there; null if
    /// there is none.
    /// </summary>
    public int? SharedCut(IEnumerable<TaskSlots> tasks)
    {
        int shared = Blocks.Count + 1;
        foreach (TaskSlots task in tasks)
        {
            if (CutOf(task) is not { } cut) return null;
            shared = Math.Min(cut, shared);
        }

        return shared;
    }

    /// <summary>
    /// The part of a pass ahead of a cut, as a prediction: pixels → tokens [B, N, C] ahead of block <paramref name="cut"/>, or one vector
    /// a sample behind the blocks, f32.
    /// </summary>
    /// <param name="cut">A place as <see cref="FrozenCut"/> names it.</param>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>.</param>
    public Tensor RunBefore(int cut, Tensor pixels) => RunBefore(cut, pixels, Slots.Attached);

    /// <summary>
    /// As <see cref="RunBefore(int, Tensor)"/>, in a pass with these slots: <see cref="TaskSlots.None"/> for the trunk that tasks share.
    /// </summary>
    /// <param name="cut">A place as <see cref="SharedCut"/> names it.</param>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>.</param>
    /// <param name="slots">What fills the seams.</param>
    public virtual Tensor RunBefore(int cut, Tensor pixels, Slots slots) => cut == Blocks.Count + 1
        ? InChunks(pixels, chunk => Features(chunk, slots))
        : throw new ArgumentException($"{Id}: a pass cannot be cut at {cut}, only behind the features.");

    /// <summary>The part of a pass between two cuts, for any samples of a trunk.</summary>
    /// <param name="from">Where the trunk stopped.</param>
    /// <param name="to">A place as <see cref="SharedCut"/> names it, not ahead of <paramref name="from"/>.</param>
    /// <param name="x">What <see cref="RunBefore(int, Tensor, Slots)"/> made at <paramref name="from"/>.</param>
    /// <param name="slots">What fills the seams.</param>
    /// <returns>What <see cref="RunBefore(int, Tensor, Slots)"/> makes at <paramref name="to"/>.</returns>
    public virtual Tensor RunBetween(int from, int to, Tensor x, Slots slots) => from == to
        ? x : throw new ArgumentException($"{Id}: there is no part of a pass from {from} to {to}.");

    /// <summary>
    /// The part of a pass behind a cut: what <see cref="RunBefore(int, Tensor)"/> made → logits [B, K], or features without a head.
    /// </summary>
    /// <param name="cut">A place as <see cref="FrozenCut"/> names it.</param>
    /// <param name="x">What <see cref="RunBefore(int, Tensor)"/> made there.</param>
    /// <param name="observe">Sees the results of this part.</param>
    public Tensor RunAfter(int cut, Tensor x, Observer? observe = null) => Classify(
        cut >= Blocks.Count ? FeaturesAfter(cut, x, Slots.Attached, observe)
            : InChunks(x, chunk => FeaturesAfter(cut, chunk, Slots.Attached, observe), whole: observe is not null),
        observe);

    /// <summary>The part of a pass behind a shared trunk, for any number of tasks of any of its samples.</summary>
    /// <param name="cut">A place as <see cref="SharedCut"/> names it.</param>
    /// <param name="x">What <see cref="RunBefore(int, Tensor, Slots)"/> made there.</param>
    /// <param name="tasks">The task of each answer.</param>
    /// <param name="samples">The row of x that each answer is about: one picture may be asked many tasks.</param>
    /// <returns>The logits of each answer, [K] of its task, f32.</returns>
    /// <exception cref="ArgumentException">
    /// A task belongs to another backbone, or the lists do not fit, or the pass is recorded.
    /// </exception>
    /// <exception cref="InvalidOperationException">A method that trains weights of the backbone in place is attached.</exception>
    public Tensor[] RunAfter(int cut, Tensor x, IReadOnlyList<TaskSlots> tasks, IReadOnlyList<int> samples) =>
        MixedPass.Run(this, x, cut, tasks, samples);

    /// <summary>Pixels → features [B, C], f32: what the head reads.</summary>
    public Tensor Features(Tensor pixels, Observer? observe = null) => Features(pixels, Slots.Attached, observe);

    /// <summary>Pixels → features [B, C], f32, in a pass with these slots.</summary>
    public abstract Tensor Features(Tensor pixels, Slots slots, Observer? observe = null);

    /// <summary>
    /// Pixels → the tokens behind some of the blocks with their grid, beside <see cref="Features(Tensor, Observer?)"/>: what heads for
    /// places read.
    /// </summary>
    /// <param name="pixels">As for <see cref="Forward(Tensor)"/>; a pass that is recorded trains through them.</param>
    /// <param name="blocks">
    /// Which blocks, counted from 0, ascending; the last of each stage if null (the very last where there are no stages).
    /// </param>
    /// <exception cref="ArgumentException">A block is not there.</exception>
    public IReadOnlyList<TokenMap> Tokens(Tensor pixels, IReadOnlyList<int>? blocks = null)
    {
        blocks ??= StageEnds;
        bool exist = blocks.Count > 0 && blocks.All(block => block >= 0 && block < Blocks.Count);
        if (!exist || !blocks.SequenceEqual(blocks.Distinct().Order()))
            throw new ArgumentException(
                $"{Id}: tokens are asked of blocks {string.Join(", ", blocks)}, expected some of 0 to {Blocks.Count - 1}, ascending.");
        using TensorScope scope = new();
        Dictionary<int, Tensor> found = [];
        Collect(pixels, (block, tokens) => { if (blocks.Contains(block)) found[block] = tokens; });
        return [.. blocks.Select(block => new TokenMap(block, scope.Keep(found[block]), Blocks[block].Grid))];
    }

    /// <summary>The last block of each stage.</summary>
    protected virtual IReadOnlyList<int> StageEnds => [Blocks.Count - 1];

    /// <summary>Runs the whole batch through all blocks and shows the tokens behind each.</summary>
    protected abstract void Collect(Tensor pixels, Action<int, Tensor> see);

    /// <summary>What <see cref="RunBefore(int, Tensor, Slots)"/> made at a cut → features [B, C]; inputs where there was no
    /// cut.</summary>
    internal Tensor FeaturesAfter(int? cut, Tensor x, Slots slots) =>
        cut is { } place ? FeaturesAfter(place, x, slots, observe: null) : Features(x, slots);

    /// <summary>What <see cref="RunBefore(int, Tensor, Slots)"/> made at a cut → features [B, C].</summary>
    protected internal virtual Tensor FeaturesAfter(int cut, Tensor x, Slots slots, Observer? observe) =>
        cut == Blocks.Count + 1 ? x : throw new ArgumentException($"{Id}: a pass cannot be cut at {cut}, only behind the features.");

    /// <summary>The deepest place ahead of which a task changes nothing; null if there is none.</summary>
    protected virtual int? CutOf(TaskSlots task) => task.Count == 0 ? Blocks.Count + 1 : null;

    /// <summary>Throws unless this backbone can run <paramref name="task"/>.</summary>
    internal void CheckTask(TaskSlots task, Tensor? x = null)
    {
        if (task.Backbone is not null && task.Backbone != this)
            throw new ArgumentException($"{Id}: the task was read for another backbone; read it again for this one.");
        if (Originals is not null)
            throw new InvalidOperationException(
                $"{Id}: a method that trains weights in place is attached; take it out to serve other tasks.");
        if (x?.Tape is not null)
            throw new ArgumentException($"{Id}: tasks apart from the model are for predictions; attach a method to train it.");
    }

    /// <summary>Features [B, C] → logits [B, K], or features without a head.</summary>
    private Tensor Classify(Tensor features, Observer? observe)
    {
        observe?.Invoke("features", features);
        if (Head is null) return features;
        Tensor logits = Head.Forward(features);
        observe?.Invoke("logits", logits);
        return logits;
    }

    /// <summary>
    /// Images travel through the backbone a few at a time, so that what a block works on stays in the cache and temporaries are a few
    /// images large; samples meet again at the head. Trainable weights are better off with the whole batch: every chunk would sweep over
    /// their gradients once more.
    /// </summary>
    protected Tensor InChunks(Tensor x, Func<Tensor, Tensor> body, bool whole = false)
    {
        int batch = x.Shape.Rank == 0 ? 0 : x.Shape[0];
        int size = whole ? batch : ChunkSize(batch);
        return TensorScope.Run(() => BatchOps.ConcatBatch([.. Chunks().Select(chunk => TensorScope.Run(() => body(chunk)))]));

        IEnumerable<Tensor> Chunks()
        {
            for (int start = 0; start < batch; start += size) yield return x.SliceBatch(start, Math.Min(size, batch - start));
        }
    }

    /// <summary>How many samples travel together.</summary>
    internal int ChunkSize(int batch) =>
        Blocks.Any(block => block.Mlp.Fc1.Weight.Trainable) ? batch : (int)Math.Max(2, ChunkBytes / Math.Max(1, TokenBytes));

    /// <summary>Bytes of one image's tokens, f32.</summary>
    protected abstract long TokenBytes { get; }

    /// <summary>Runs the tokens through one block, in a memory scope of its own, with the method's prompts.</summary>
    /// <param name="i">Which block, counted from 0 over all of <see cref="Blocks"/>.</param>
    /// <param name="x">
    /// [B, P + N, C]: prompts that stay between blocks, and the input's own tokens; its memory is used again if it was given.
    /// </param>
    /// <param name="slots">What fills the seams.</param>
    /// <param name="observe">Sees the block's whole result.</param>
    /// <param name="inner">N.</param>
    /// <param name="readout">How many of the first of them are read afterwards: no others are made, unless somebody observes them.</param>
    protected Tensor RunBlock(int i, Tensor x, Slots slots, Observer? observe, int inner, int readout)
    {
        return x.Tape is { RecomputesBlocks: true } tape && observe is null ? tape.Recompute(x, Run) : Run(x);

        Tensor Run(Tensor x) => TensorScope.Run(() =>
        {
            TokenPrompts? prompts = Prompts.In(slots);
            Tensor tokens = prompts?.Enter(i, x) ?? x;
            int front = tokens.Shape[1] - inner;
            tokens = Blocks[i].Forward(tokens, slots, observe is null ? front + readout : tokens.Shape[1]);
            observe?.Invoke(BlockName(i), tokens);
            return prompts?.Leave(i, tokens) ?? tokens;
        });
    }

    /// <summary>What a block's result is called for an <see cref="Observer"/>.</summary>
    protected virtual string BlockName(int i) => $"block_{i}";
}
