using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Mae;

/// <summary>
/// A masked autoencoder: an encoder sees some patches, a small decoder guesses the pixels of the others. The encoder is a backbone
/// like any other once it is trained.
/// </summary>
/// <remarks>MAE, arXiv:2111.06377, for pictures; VideoMAE, arXiv:2203.12602, for clips. Both follow their authors' code. VideoMAE hands its
/// decoder the seen tokens first; here they stand in their places, which changes no number, since attention does not know an
/// order.</remarks>
public sealed class MaskedAutoencoder : Module
{
    private const float VideoEps = 1e-12f;       // VideoMAE adds 1e-6 to the deviation; below rounding for any patch that is not flat
    private readonly ITokenEncoder _encoder;
    private readonly MaeDecoder _decoder;
    private readonly LayerNorm? _norm;

    /// <summary>An autoencoder without weights; load them, or <see cref="Initialize"/>.</summary>
    /// <param name="id">The encoder's name in messages and files.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="compute">Type of the products' inputs; everything else is f32.</param>
    /// <exception cref="ArgumentException">The sizes contradict each other.</exception>
    public MaskedAutoencoder(string id, MaeConfig config, DataType compute = DataType.Float32)
    {
        config.Validate();
        Config = config;
        Encoder = Add("encoder", config.Encoder.Create(id, compute));
        _encoder = (ITokenEncoder)Encoder;
        if (IsVideo)
        {
            // Pre-training's own; a task has fc_norm.
            _norm = Add("norm", new LayerNorm(Encoder.NumFeatures, VideoVitConfig.DefaultNormEps, compute));
        }

        _decoder = Add("decoder", new MaeDecoder(config, Encoder.NumFeatures, compute));
    }

    /// <summary>Sizes.</summary>
    public MaeConfig Config { get; }

    /// <summary>What is kept when pre-training is over.</summary>
    public Backbone Encoder { get; }

    private bool IsVideo => Config.Encoder is VideoVitConfig;

    /// <summary>The mean squared error of the guessed pixels, over the patches that were not seen.</summary>
    /// <param name="pixels">[B, 3, H, W] or [B, 3, T, H, W].</param>
    /// <param name="mask">Which patches are seen.</param>
    /// <returns>A scalar.</returns>
    public Tensor Loss(Tensor pixels, TokenMask mask)
    {
        Check(pixels, mask);
        int[] removed = mask.Removed;
        Tensor targets = Targets(pixels).GatherTokens(removed);                                             // [B, N−K, P]
        return _decoder.Predict(_decoder.Decode(Latent(pixels, mask), mask).GatherTokens(removed)).MeanSquaredError(targets);
    }

    /// <summary>What the encoder makes of the patches that it sees: [B, (1 +) K, C], f32.</summary>
    public Tensor Latent(Tensor pixels, TokenMask mask)
    {
        Check(pixels, mask);
        int front = _encoder.FrontTokens;
        int[] kept = WithFront(mask.Kept, mask.Batch, front, offset: front, first: 0);
        Tensor seen = _encoder.Embed(pixels).GatherTokens(kept);                    // [B, (1 +) K, C]
        Tensor tokens = _encoder.Encode(seen);
        return _norm is null ? tokens : _norm.Forward(tokens);
    }

    /// <summary>The guessed pixels of all patches, those that were seen included: [B, N, P], channels innermost.</summary>
    public Tensor Reconstruct(Tensor pixels, TokenMask mask) => _decoder.Predict(_decoder.Decode(Latent(pixels, mask), mask));

    /// <summary>
    /// What is to be guessed: the patches' pixels, channels innermost, normalised if so configured. [B, N, P]; a constant.
    /// </summary>
    public Tensor Targets(Tensor pixels)
    {
        (int patch, int tubelet) = Config.Encoder is VideoVitConfig video
            ? (video.PatchSize, video.TubeletSize) : (((VitConfig)Config.Encoder).PatchSize, 1);
        Tensor rows = pixels.Unfold(patch, tubelet: tubelet);
        if (!Config.NormPixLoss) return rows.ChannelsLast(3);

        // Both authors divide by the deviation with n − 1: a layer norm with its ε and its result scaled.
        (int b, int n, int p) = (rows.Shape[0], rows.Shape[1], rows.Shape[2]);
        int group = IsVideo ? p / 3 : p;
        float share = (float)(group - 1) / group;
        Tensor normed = rows.Reshape(b * n * p / group, group).LayerNorm(null, null, (IsVideo ? VideoEps : 1e-6f) * share);
        return normed.Scale(MathF.Sqrt(share)).Reshape(b, n, p).ChannelsLast(3);
    }

    /// <summary>
    /// Starting values as in MAE's code: Xavier uniform for the products, sine-cosine positions, normal with deviation 0.02 for tokens;
    /// norms 1 and 0, biases 0.
    /// </summary>
    public void Initialize(Rng rng)
    {
        int index = 0;
        foreach ((string name, Parameter parameter) in Parameters())
        {
            Rng own = rng.Derive(index++);
            if (parameter.Shape.Rank < 2 || name.EndsWith("pos_embed", StringComparison.Ordinal)) continue;
            using Parameter start = name.EndsWith("_token", StringComparison.Ordinal)
                ? Initializers.TruncatedNormal(own, 0.02, parameter.Shape.Dims)
                : Initializers.XavierUniform(own, new Shape(parameter.Shape[0], (int)(parameter.Length / parameter.Shape[0])).Dims);
            parameter.Assign(start.ToArray());
        }

        _decoder.SetPositions();
        if (Config.Encoder is VitConfig vit)
            StateOf("encoder.pos_embed").Assign(PositionEmbeddings.SinCos2D(vit.EmbedDim, (vit.GridHeight, vit.GridWidth), clsToken: true));
    }

    /// <summary>Lets everything train but what stays fixed: sine-cosine positions, and for clips the norm that only a task uses.</summary>
    public void UnfreezeAll()
    {
        Unfreeze();
        foreach ((string name, Parameter parameter) in Parameters())
        {
            if (name.EndsWith("pos_embed", StringComparison.Ordinal) || name.StartsWith(MaeNames.TaskNorm, StringComparison.Ordinal))
                parameter.Trainable = false;
        }
    }

    private void Check(Tensor pixels, TokenMask mask)
    {
        if (pixels.Shape.Rank == 0 || mask.Batch != pixels.Shape[0] || mask.Patches != Config.Patches)
            throw new ArgumentException(
                $"{Encoder.Id}: the mask is for {mask.Batch} samples of {mask.Patches} patches, "
                + $"got pixels {pixels.Shape} of {Config.Patches} patches each.");
    }

    private Parameter StateOf(string name) => State().First(entry => entry.Key == name).Value.Tensor;

    /// <summary>
    /// Puts the numbers <paramref name="first"/> … of <paramref name="front"/> tokens ahead of every sample's, and moves the others by
    /// <paramref name="offset"/>.
    /// </summary>
    internal static int[] WithFront(int[] tokens, int batch, int front, int offset, int first)
    {
        int k = tokens.Length / batch;
        int[] all = new int[batch * (front + k)];
        for (int b = 0; b < batch; b++)
        {
            for (int i = 0; i < front; i++) all[(b * (front + k)) + i] = first + i;
            for (int i = 0; i < k; i++) all[(b * (front + k)) + front + i] = tokens[(b * k) + i] + offset;
        }

        return all;
    }
}
