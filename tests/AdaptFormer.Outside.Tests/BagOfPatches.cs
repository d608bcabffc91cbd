using System.Text.Json.Serialization;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Outside.Tests;

/// <summary>A backbone's sizes: a transformer that knows no positions and answers with the mean of its patches.</summary>
public sealed record BagConfig(int Side = 16, int PatchSize = 4, int EmbedDim = 16, int Depth = 2, int NumHeads = 2, float DropPath = 0)
    : BackboneConfig(DropPath)
{
    [JsonIgnore]
    public override Shape InputShape => new(3, Side, Side);

    [JsonIgnore]
    public override string DefaultId => $"bag_dim{EmbedDim}_depth{Depth}_patch{PatchSize}_{Side}";

    public override BagOfPatches Create(string id, DataType compute = DataType.Float32) => new(id, this, compute);

    public override void Validate()
    {
        if (PatchSize < 1 || Side % PatchSize != 0) throw new ArgumentException($"bag: side {Side} is no multiple of patch_size {PatchSize}.");
    }

    public override BackboneConfig WithImgSize(int side) => this with { Side = side };
}

/// <summary>The model.</summary>
public sealed class BagOfPatches : TokenBackbone
{
    private readonly PatchEmbed _embed;
    private readonly List<Block> _blocks = [];
    private readonly LayerNorm _norm;

    public BagOfPatches(string id, BagConfig config, DataType compute)
    {
        config.Validate();
        (Id, Config, Compute) = (id, config, compute);
        int side = config.Side / config.PatchSize;
        _embed = Add("bag_embed", new PatchEmbed(config.PatchSize, config.EmbedDim, compute));
        Stack stack = Add("blocks", new Stack());
        for (int i = 0; i < config.Depth; i++)
        {
            SelfAttention attention = new(config.EmbedDim, config.NumHeads, QkvBias.Fused, compute);
            Block block = new(attention, 2 * config.EmbedDim, 1e-6f, 0, compute) { Grid = new TokenGrid(1, side, side) };
            _blocks.Add(stack.Add($"{i}", block));
        }

        _norm = Add("norm", new LayerNorm(config.EmbedDim, 1e-6f));
    }

    public override string Id { get; }

    public override BagConfig Config { get; }

    public override DataType Compute { get; }

    public override IReadOnlyList<Block> Blocks => _blocks;

    public override int NumFeatures => Config.EmbedDim;

    protected override long TokenBytes => (long)Config.Side * Config.Side / (Config.PatchSize * Config.PatchSize) * Config.EmbedDim * sizeof(float);

    protected override IEnumerable<Module> Finishers => [_norm];

    protected override Tensor Embed(Tensor pixels, Slots slots, Observer? observe) => _embed.Forward(pixels, slots);

    protected override int Readout(int tokens) => tokens;

    protected override Tensor Pool(Tensor tokens) => tokens.MeanTokens();

    protected override Tensor Finish(Tensor pooled, Slots slots) => _norm.Forward(pooled, slots);

    protected override int? DepthOutside(string name) => name.StartsWith("bag_embed.", StringComparison.Ordinal) ? 0 : base.DepthOutside(name);

    private sealed class Stack : Module;
}

/// <summary>How its weights are recognised, and what their shapes tell.</summary>
public sealed class BagFamily : BackboneFamily
{
    private const string Patch = "bag_embed.proj.weight", Words = "bag of patches";

    public override string Name => "bag";

    public override Type ConfigType => typeof(BagConfig);

    public override bool Recognises(StateDict ours) => ours.Weights.ContainsKey(Patch);

    public override BackboneConfig Infer(StateDict ours, string path, WeightHints hints)
    {
        Shape patch = Require(ours, Patch, 4, path, Words);
        return new BagConfig(hints.ImgSize ?? 16, patch[2], patch[0], Depth(ours, "blocks"), hints.NumHeads ?? Heads(patch[0], hints, path));
    }
}
