using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Swin;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>The methods on stages of different widths, for pictures and clips.</summary>
public sealed class SwinTuningTests
{
    private static readonly Tuning[] Methods =
    [
        new AdaptFormerTuning(4), AdaptFormerTuning.Paper, new AdaptFormerTuning(4, Layers: "2-3", Position: AdapterPosition.Sequential), new AdaptFormerTuning(4, Form: AdapterForm.Conv),
        new AdaptFormerTuning(4, Form: AdapterForm.Dwconv), new LoraTuning(2, 2), new SsfTuning(), new HoulsbyTuning(3), new LinearProbe(), new FullTuning(HeadKind.Plain),
    ];

    // They train weights of the backbone itself.
    private static readonly Tuning[] InPlace = [new BitFitTuning(), new NormTuning()];

    public static TheoryData<int, bool> Cases
    {
        get
        {
            TheoryData<int, bool> cases = [];
            for (int i = 0; i < Methods.Length + InPlace.Length; i++)
            {
                cases.Add(i, false);
                cases.Add(i, true);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_fresh_method_changes_nothing_trains_its_own_lowers_the_loss_and_is_saved(int method, bool video)
    {
        Tuning tuning = method < Methods.Length ? Methods[method] : InPlace[method - Methods.Length];
        using SwinTransformer plain = Create(video), model = Create(video), again = Create(video);
        HashSet<string> own = [.. model.Parameters().Select(entry => entry.Key)];
        tuning.Attach(model, 3, new Rng(2));
        using (TensorScope scope = new())
        {
            float[] before = plain.Forward(TinySwin.Pixels(plain)).ToArray(), after = model.Features(TinySwin.Pixels(plain)).ToArray();
            if (tuning is SsfTuning) ParityCase.AssertClose("features", before, after, 1e-6);       // GELU behind a scale is no longer part of the product, and rounds by itself
            else Assert.Equal(before, after);
        }

        bool inPlace = InPlace.Contains(tuning) || tuning is HoulsbyTuning;      // whose norms learn with it
        foreach ((string name, Parameter parameter) in model.Parameters().Where(entry => !inPlace || !own.Contains(entry.Key))) Assert.True(parameter.Trainable == (tuning is FullTuning || !own.Contains(name)), name);

        using (FlatParameters flat = new(model.TrainableParameters()))
        {
            double first = 0, last;
            for (int step = 0; step < 12; step++)
            {
                using TensorScope scope = new();
                using Tape tape = new(new Rng(step));
                Tensor loss = TinySwin.Loss(model, tape);
                if (step == 0) first = loss.Item();
                flat.ZeroGradients();
                tape.Backward(loss);
                new AddIntoCall(flat.Values, flat.Gradients, -0.1f).Run();
                flat.Changed();
            }

            // With what the first step left out: dropout and the statistics of four samples make the losses of other draws jump.
            using (TensorScope scope = new())
            using (Tape tape = new(new Rng(0))) last = TinySwin.Loss(model, tape).Item();
            Assert.True(last < 0.9 * first, $"the loss went from {first} to {last}");
        }

        using TestFolder folder = new();
        AdapterFile.Save(folder.PathOf("a.safetensors"), model, tuning, ["a", "b", "c"], Preprocessing.ImageNet(video ? 16 : 14));
        AdapterFile.Load(folder.PathOf("a.safetensors"), again);
        Assert.Equal(TinyBackbone.Logits(model), TinyBackbone.Logits(again));
    }

    [Fact]
    public void Prompts_are_refused()
    {
        using SwinTransformer model = Create(video: false);
        Assert.Contains("takes no prompts", Assert.Throws<ArgumentException>(() => new VptTuning().Attach(model, 3, new Rng(0))).Message);
    }

    [Fact]
    public void A_frozen_block_keeps_what_its_norms_its_attention_and_gelu_read_and_no_more()
    {
        const int B = 4, M = 3, K = 3, N0 = 64, N1 = 16, C = 8, Float = sizeof(float), Half = sizeof(ushort);
        int first = B * N0 * (C + M);                                         // nothing below the first adapter needs a gradient
        (int second, int hidden0) = (B * N0 * ((5 * C) + M), B * N0 * 2 * C);      // both norms' inputs, q, k, v, bottleneck; GELU's slope, two bytes or one
        int merging = B * N1 * 4 * C;
        (int third, int hidden1) = (B * N1 * ((5 * 2 * C) + M), B * N1 * 2 * 2 * C);
        int statistics = (B * N0 * 4) + (B * N1 * 6);
        int end = (B * N1 * ((2 * C) + 2)) + (B * 2 * C) + (2 * C) + (B * K);        // the last norm, the batch norm and the loss, in f32
        Assert.Equal((Float * (first + second + merging + third + statistics + end)) + (Half * (hidden0 + hidden1)), Kept(DataType.Float32));
        Assert.Equal((Half * (first + second + merging + third)) + hidden0 + hidden1 + (Float * (statistics + end)), Kept(DataType.BFloat16));

        long Kept(DataType compute)
        {
            using SwinTransformer model = TinySwin.Create(compute: compute);
            new AdaptFormerTuning(M, Dropout: 0).Attach(model, K, new Rng(0));
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            TinySwin.Loss(model, tape, B);
            return tape.KeptBytes;
        }
    }

    private static SwinTransformer Create(bool video) => TinySwin.Create(video ? TinySwin.Video : TinySwin.Config with { ImgHeight = 18, ImgWidth = 14 });
}
