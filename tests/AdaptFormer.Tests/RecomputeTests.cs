using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>Passes whose blocks are computed once more on the way back.</summary>
public sealed class RecomputeTests
{
    private static readonly Tuning[] Tunings =
    [
        new AdaptFormerTuning(4, LearnScale: true), new AdaptFormerTuning(4, Form: AdapterForm.Conv), new FullTuning(), new VptTuning(2),
        new LoraTuning(2, 4, "q,k,v,proj,fc1,fc2", Dropout: 0.1f), new SsfTuning(), new HoulsbyTuning(6), new BitFitTuning(), new Ia3Tuning(),
        new LinearProbe(),
    ];

    public static TheoryData<Tuning, DataType> Methods =>
        [.. Tunings.SelectMany(tuning => new[] { DataType.Float32, DataType.BFloat16 }.Select(type => (tuning, type)))];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_learns_the_same_numbers_to_the_bit(Tuning tuning, DataType compute) =>
        Same(tuning, () => TinyVit.Create(TinyVit.Config with { DropPath = 0.2f }, compute), TinyVit.Loss);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Windows_and_clips_do_so_too(bool video)
    {
        Same(new AdaptFormerTuning(4), () => TinySwin.Create(video ? TinySwin.Video : null), (model, tape) => TinySwin.Loss(model, tape));
        Same(new FullTuning(), () => TinySwin.Create(video ? TinySwin.Video : null), (model, tape) => TinySwin.Loss(model, tape));
    }

    [Fact]
    public void So_does_a_device()
    {
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        Same(new AdaptFormerTuning(4), () => TinyVit.Create(compute: DataType.BFloat16), TinyVit.Loss);
        Assert.Equal(0, device.LiveBlocks);
    }

    [Fact]
    public void A_training_run_ends_with_the_same_file_and_may_go_on_either_way()
    {
        using TinyTask task = new();
        TrainingSummary plain = Train("plain", ExistingRun.Refuse), less = Train("less", ExistingRun.Refuse, "recompute=blocks");
        Assert.Equal(File.ReadAllBytes(plain.Adapter!), File.ReadAllBytes(less.Adapter!));
        Train("resumed", ExistingRun.Refuse, "epochs=1", "recompute=blocks");
        Assert.Equal(File.ReadAllBytes(plain.Adapter!), File.ReadAllBytes(Train("resumed", ExistingRun.Resume).Adapter!));

        TrainingSummary Train(string folder, ExistingRun existing, params string[] edits) => TrainingRun.Execute(
            Recipe.Load(task.Recipe, ["epochs=2", "workers=1", "schedule={\"name\": \"constant\"}", .. edits]), task[folder], existing, _ => { });
    }

    [Fact]
    public void What_has_nothing_to_compute_again_is_warned_of() => Assert.Contains(
        Recipe.Parse("""{"model": {"name": "deit_tiny_patch16_224", "weights": null}, "tuning": {"method": "linear"}, "data": {"train": "none"}, "recompute": "blocks"}""").Warnings(),
        warning => warning.StartsWith("recompute is blocks, and the linear probe trains nothing inside of a block", StringComparison.Ordinal));

    [Fact]
    public void Only_the_tokens_that_go_into_a_block_are_kept()
    {
        using Backbone model = TinyVit.Create();
        new AdaptFormerTuning(4, Head: HeadKind.Plain).Attach(model, TinyVit.Classes, new Rng(3));
        long tokens = TinyVit.Batch * 17 * TinyVit.Config.EmbedDim * sizeof(float);
        (long plain, long less) = (Kept(false), Kept(true));
        Assert.InRange(less, 3 * tokens, 4.5 * tokens);       // three blocks, and little around them
        Assert.True(plain > 2 * less, $"{plain} bytes were kept, {less} with recomputation");

        long Kept(bool recomputes)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(7)) { RecomputesBlocks = recomputes };
            Tensor loss = TinyVit.Loss(model, tape);
            long kept = tape.KeptBytes;
            tape.Backward(loss);
            Assert.Equal((0, 0L), (tape.Count, tape.KeptBytes));
            return kept;
        }
    }

    [Fact]
    public void What_nothing_reads_is_not_computed_once_more()
    {
        using Backbone model = TinyVit.Create();
        new AdaptFormerTuning(4, Head: HeadKind.Plain).Attach(model, TinyVit.Classes, new Rng(3));
        long forward = Macs(backward: false, recomputes: true);
        long again = Macs(backward: true, recomputes: true) - Macs(backward: true, recomputes: false);
        Assert.InRange(again, forward / 2, forward * 3 / 4);        // all but the second product of the feed-forward layer, a third

        long Macs(bool backward, bool recomputes)
        {
            CountingBackend counting = new();
            using IDisposable _ = Backend.Use(counting);
            using TensorScope scope = new();
            using Tape tape = new(new Rng(7)) { RecomputesBlocks = recomputes };
            Tensor loss = TinyVit.Loss(model, tape);
            if (backward) tape.Backward(loss);
            return counting.Macs;
        }
    }

    private static void Same(Tuning tuning, Func<Backbone> create, Func<Backbone, Tape, Tensor> loss)
    {
        float[][] expected = Run(false), actual = Run(true);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i]);

        float[][] Run(bool recomputes)
        {
            using Backbone model = create();
            tuning.Attach(model, TinyVit.Classes, new Rng(3));
            foreach ((_, Parameter parameter) in model.TrainableParameters())
            {
                Rng rng = new(parameter.Length);
                parameter.Assign([.. parameter.ToArray().Select(value => value + (0.1f * (float)rng.NextUniform(-1, 1)))]);
            }

            using TensorScope scope = new();
            using Tape tape = new(new Rng(7)) { RecomputesBlocks = recomputes };
            Tensor result = loss(model, tape);
            tape.Backward(result, 0.5f);
            return
            [
                result.ToArray(), .. model.Buffers().Select(entry => entry.Value.ToArray()),
                .. model.TrainableParameters().OrderBy(entry => entry.Key, StringComparer.Ordinal)
                    .Select(entry => entry.Value.Grad!.ToArray()),
            ];
        }
    }
}
