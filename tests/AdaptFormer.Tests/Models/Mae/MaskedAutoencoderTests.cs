using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Mae;

public sealed class MaskedAutoencoderTests
{
    private static readonly MaeConfig Pictures = new(new VitConfig(16, 16, 4, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2), 12, 1, 3, NormPixLoss: true);
    private static readonly MaeConfig Clips = new(new VideoVitConfig(4, 16, 16, PatchSize: 4, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2), 12, 1, 3, NormPixLoss: true);

    public static TheoryData<bool> Both => [false, true];

    [Theory]
    [MemberData(nameof(Both))]
    public void Learning_lowers_the_loss_and_moves_everything_but_fixed_tables(bool video)
    {
        using MaskedAutoencoder model = Create(video);
        Dictionary<string, float[]> before = model.Parameters().ToDictionary(entry => entry.Key, entry => entry.Value.ToArray());
        using FlatParameters flat = new(model.TrainableParameters());
        double first = 0, last = 0;
        for (int step = 0; step < 30; step++)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(step));
            Tensor loss = model.Loss(tape.Watch(Pixels(model)), Mask(model));
            (first, last) = (step == 0 ? loss.Item() : first, loss.Item());
            flat.ZeroGradients();
            tape.Backward(loss);
            new AddIntoCall(flat.Values, flat.Gradients, -0.1f).Run();
            flat.Changed();
        }

        Assert.True(last < 0.97 * first, $"the loss went from {first} to {last}");
        foreach ((string name, Parameter parameter) in model.Parameters())
        {
            bool isFixed = name.EndsWith("pos_embed", StringComparison.Ordinal) || name.Contains("fc_norm");
            Assert.True(isFixed == before[name].AsSpan().SequenceEqual(parameter.Span), $"{name} {(isFixed ? "moved" : "did not move")}");
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Its_checkpoint_is_a_backbone_and_goes_on_as_an_autoencoder(bool video)
    {
        using TestFolder folder = new();
        string path = folder.PathOf("mae.safetensors");
        using MaskedAutoencoder model = Create(video), again = Create(video, seed: 9);
        CheckpointConverter.Save(path, MaeNames.Export(model), new WeightsCard(Preprocessing.ImageNet(16)));
        using Backbone backbone = BackboneLoader.Open(path, new(NumHeads: 2, ImgSize: 16, NumFrames: video ? 4 : null));
        Assert.Equal(model.Config.Encoder, backbone.Config);
        Assert.Empty(backbone.Source!.Report.Notes);
        Dictionary<string, Parameter> encoder = model.Encoder.Parameters().ToDictionary();
        foreach ((string name, Parameter parameter) in backbone.Parameters()) Assert.Equal(encoder[name].ToArray(), parameter.ToArray());

        MaeNames.Load(again, StateDict.Of(AdaptFormer.Files.WeightsFile.Open(path)), path);
        using TensorScope scope = new();
        Assert.Equal(model.Loss(Pixels(model), Mask(model)).Item(), again.Loss(Pixels(model), Mask(model)).Item());
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void A_patch_that_is_hidden_is_not_seen(bool video)
    {
        using MaskedAutoencoder model = Create(video);
        using TensorScope scope = new();
        TokenMask mask = Mask(model);
        Tensor pixels = Pixels(model), changed = Pixels(model);
        int hidden = mask.Removed[0], side = 4, cells = 16, frame = hidden / cells, y = hidden % cells / 4 * side, x = hidden % 4 * side;
        changed.Span[(frame * 2 * 256) + (y * 16) + x] += 5;      // sample 0, channel 0
        Assert.Equal(model.Latent(pixels, mask).ToArray(), model.Latent(changed, mask).ToArray());
        Assert.NotEqual(model.Loss(pixels, mask).Item(), model.Loss(changed, mask).Item());
    }

    [Fact]
    public void Targets_of_clips_are_normalised_channel_by_channel()
    {
        using MaskedAutoencoder model = Create(video: true);
        using TensorScope scope = new();
        float[] targets = model.Targets(Pixels(model)).ToArray();
        for (int c = 0; c < 3; c++)
        {
            double[] values = [.. Enumerable.Range(0, 32).Select(i => (double)targets[(i * 3) + c])];       // the first tubelet's
            Assert.InRange(values.Average(), -1e-5, 1e-5);
            Assert.InRange(values.Sum(v => v * v) / 31, 1 - 1e-4, 1 + 1e-4);
        }
    }

    [Fact]
    public void Tubes_hide_the_same_places_at_every_step()
    {
        TokenMask mask = TokenMask.Tubes(new Rng(3), batch: 2, steps: 3, places: 20, ratio: 0.9);
        Assert.Equal((60, 6, 2), (mask.Patches, mask.KeptPatches, mask.Batch));
        foreach (int[] row in mask.Kept.Chunk(6)) Assert.Equal(row.Take(2).Order(), row.Skip(2).Take(2).Select(token => token - 20).Order());
        Assert.Equal(Enumerable.Range(0, 60), mask.Kept.Take(6).Concat(mask.Removed.Take(54)).Order());
        Assert.NotEqual(mask.Kept[..6], mask.Kept[6..]);
    }

    [Fact]
    public void What_cannot_be_masked_is_refused()
    {
        Assert.Contains("none is seen", Assert.Throws<ArgumentException>(() => TokenMask.Random(new Rng(0), 1, 4, 0.9)).Message);
        Assert.Contains("expected a number in [0, 1)", Assert.Throws<ArgumentException>(() => TokenMask.Random(new Rng(0), 1, 4, 1.5)).Message);
        Assert.Contains("decoder_num_heads 5 must divide decoder_embed_dim 12", Assert.Throws<ArgumentException>(() => (Pictures with { DecoderNumHeads = 5 }).Validate()).Message);
        using MaskedAutoencoder model = Create(video: false);
        using TensorScope scope = new();
        Assert.Contains("the mask is for 1 samples of 9 patches", Assert.Throws<ArgumentException>(() => model.Loss(Pixels(model), TokenMask.Random(new Rng(0), 1, 9, 0.5))).Message);
    }

    private static MaskedAutoencoder Create(bool video, int seed = 1)
    {
        MaskedAutoencoder model = new("tiny", video ? Clips : Pictures);
        model.Initialize(new Rng(seed));
        model.UnfreezeAll();
        return model;
    }

    private static TokenMask Mask(MaskedAutoencoder model) =>
        model.Config == Clips ? TokenMask.Tubes(new Rng(2), 2, 2, 16, 0.75) : TokenMask.Random(new Rng(2), 2, 16, 0.75);

    private static Tensor Pixels(MaskedAutoencoder model)
    {
        Shape shape = new([2, .. model.Encoder.InputShape]);
        return Tensor.From(GradCheck.Numbers(new Rng(5), (int)shape.Length), shape);
    }
}
