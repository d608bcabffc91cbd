using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Swin;

/// <summary>
/// The hierarchical transformer with shifted windows, for pictures (Swin) and clips (Video Swin), under the authors' names: stages of
/// blocks, patch merging between them, and the mean of the normalised tokens as features.
/// </summary>
/// <remarks>Swin, arXiv:2103.14030; Video Swin, arXiv:2106.13230.</remarks>
public sealed class SwinTransformer : Backbone
{
    private readonly PatchEmbed _patchEmbed;
    private readonly LayerNorm _patchNorm, _norm;
    private readonly PatchMerging?[] _downsample;
    private readonly List<Block> _blocks = [];
    private readonly List<string> _names = [];

    /// <summary>A model without weights; load them, or <see cref="Backbone.Initialize"/>.</summary>
    /// <param name="id">Its name in messages and files.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="compute">Type of the products' inputs; everything else is f32.</param>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public SwinTransformer(string id, SwinSizes config, DataType compute = DataType.Float32)
    {
        config.Validate();
        (Id, Config, Compute) = (id, config, compute);
        int? tubelet = config.InputShape.Rank == 4 ? config.Patch.T : null;
        _patchEmbed = Add("patch_embed", new PatchEmbed(config.Patch.H, config.EmbedDim, compute, tubelet));
        _patchNorm = _patchEmbed.Add("norm", new LayerNorm(config.EmbedDim, config.NormEps));
        BlockList layers = Add("layers", new BlockList());
        _downsample = new PatchMerging?[config.Depths.Length];
        TokenGrid[] grids = [.. config.Grids()];
        for (int stage = 0; stage < grids.Length; stage++) AddStage(layers.Add($"{stage}", new BlockList()), stage, grids[stage]);
        _norm = Add("norm", new LayerNorm(NumFeatures, config.NormEps));
    }

    /// <inheritdoc/>
    public override SwinSizes Config { get; }

    /// <inheritdoc/>
    public override string Id { get; }

    /// <inheritdoc/>
    public override DataType Compute { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<Block> Blocks => _blocks;

    /// <inheritdoc/>
    public override int NumFeatures => Config.EmbedDim << (Config.Depths.Length - 1);

    /// <inheritdoc/>
    public override bool TakesPrompts => false;

    /// <inheritdoc/>
    protected override long TokenBytes => (long)Config.Grid.Count * Config.EmbedDim * sizeof(float);

    /// <inheritdoc/>
    protected override string BlockName(int i) => _names[i];

    /// <summary>The rule of SimMIM: patch merging goes with the last block of the stage that it ends.</summary>
    protected override int? DepthOutside(string name)
    {
        if (name.StartsWith("patch_embed.", StringComparison.Ordinal)) return 0;
        if (name.StartsWith("norm.", StringComparison.Ordinal)) return Blocks.Count + 1;
        int ahead = 0;
        for (int stage = 0; stage < Config.Depths.Length; stage++)
        {
            ahead += Config.Depths[stage];
            if (name.StartsWith(FormattableString.Invariant($"layers.{stage}.downsample."), StringComparison.Ordinal)) return ahead;
        }

        return null;
    }

    /// <summary>[B, 3, H, W] or [B, 3, T, H, W] → [B, C], f32.</summary>
    /// <exception cref="ArgumentException">The pixels have another size than the model.</exception>
    public override Tensor Features(Tensor pixels, Slots slots, Observer? observe = null)
    {
        Tensor x = RunStages(pixels, slots, observe);
        return TensorScope.Run(() =>
        {
            Tensor tokens = _norm.Forward(x, slots);
            observe?.Invoke("norm", tokens);
            return tokens.MeanTokens();                                                                 // [B, C]
        });
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<int> StageEnds =>
        [.. Config.Depths.Index().Select(stage => Config.Depths[..(stage.Index + 1)].Sum() - 1)];

    /// <inheritdoc/>
    protected override void Collect(Tensor pixels, Action<int, Tensor> see) => RunStages(pixels, Slots.Attached, observe: null, see);

    /// <summary>Pixels → the tokens of the last stage, [B, N, C].</summary>
    private Tensor RunStages(Tensor pixels, Slots slots, Observer? observe, Action<int, Tensor>? see = null)
    {
        if (pixels.Shape.Rank != InputShape.Rank + 1 || !pixels.Shape.Dims[1..].SequenceEqual(InputShape.Dims))
            throw new ArgumentException(
                $"{Id}: pixels must be [B, {string.Join(", ", InputShape)}], got {pixels.Shape} (another size: build the model with it).");

        Tensor x = TensorScope.Run(() => _patchNorm.Forward(_patchEmbed.Forward(Padded(pixels), slots), slots));     // [B, N, C]
        observe?.Invoke("patch_embed", x);
        int block = 0;
        for (int stage = 0; stage < _downsample.Length; stage++)
        {
            for (int i = 0; i < Config.Depths[stage]; i++, block++)
            {
                Replace(y => RunBlock(block, y, slots, observe, y.Shape[1], y.Shape[1]));
                see?.Invoke(block, x);
            }

            if (_downsample[stage] is { } merging) Replace(y => TensorScope.Run(() => merging.Forward(y, slots)));
            observe?.Invoke($"layer_{stage}", x);
        }

        return x;

        // A prediction holds two blocks' tokens, not all, unless somebody sees them; a tape holds what it needs.
        void Replace(Func<Tensor, Tensor> step)
        {
            Tensor y = step(see is null ? x.Give() : x);
            if (x.IsGiven) x.Dispose();
            x = y;
        }
    }

    private void AddStage(Module stage, int index, TokenGrid grid)
    {
        (int dim, int depth, int before) = (Config.EmbedDim << index, Config.Depths.Sum(), _blocks.Count);
        WindowLayout straight = Config.Windows(grid, shifted: false), shifted = Config.Windows(grid, shifted: true);
        BlockList blocks = stage.Add("blocks", new BlockList());
        for (int i = 0; i < Config.Depths[index]; i++)
        {
            WindowAttention attention = new(dim, Config.NumHeads[index], i % 2 == 0 ? straight : shifted, Config.QkvBias, Compute);
            float dropPath = BlockList.DropPath(Config.DropPath, before + i, depth);
            Block block = new(attention, (int)(dim * Config.MlpRatio), Config.NormEps, dropPath, Compute) { Grid = grid };
            _blocks.Add(blocks.Add($"{i}", block));
            _names.Add($"layer_{index}_block_{i}");
        }

        if (index + 1 < Config.Depths.Length)
            _downsample[index] = stage.Add("downsample", new PatchMerging(grid, dim, Config.NormEps, Compute));
    }

    /// <summary>Zeros behind the last frame, row and column, so that patches divide the input.</summary>
    private Tensor Padded(Tensor pixels)
    {
        (TokenGrid size, TokenGrid patch, TokenGrid grid) = (Config.Pixels, Config.Patch, Config.Grid);
        TokenGrid padded = new(grid.T * patch.T, grid.H * patch.H, grid.W * patch.W);
        if (padded == size) return pixels;
        int planes = pixels.Shape[0] * pixels.Shape[1];
        Tensor x = pixels.Reshape(planes * size.T * size.H, size.W, 1).AppendZeros(padded.W - size.W);
        x = x.Reshape(planes * size.T, size.H, padded.W).AppendZeros(padded.H - size.H);
        x = x.Reshape(planes, size.T, padded.H * padded.W).AppendZeros(padded.T - size.T);
        int[] dims = pixels.Shape.Dims.ToArray();
        (dims[^2], dims[^1]) = (padded.H, padded.W);
        if (dims.Length == 5) dims[2] = padded.T;
        return x.Reshape(dims);
    }
}
