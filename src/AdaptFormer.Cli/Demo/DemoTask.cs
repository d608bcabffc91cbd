using AdaptFormer.Data.Synthetic;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Cli.Demo;

/// <summary>One row of the demo: a method and the learning rate that suits it.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Tuning">The method.</param>
/// <param name="BaseLr">Learning rate for a batch of 256: the best on pictures of their own, see docs/user-guide.md.</param>
internal sealed record DemoMethod(string Name, Tuning Tuning, double BaseLr);

/// <summary>
/// What the demo trains on, and how: few pictures, the same for all methods, with the same epochs, batch, optimizer, augmentation and
/// schedule. Only the learning rate differs: what moves all weights at once needs a smaller one. The last epoch is scored, once;
/// nothing is chosen by the test pictures.
/// </summary>
/// <param name="TrainImages">Pictures to train on, evenly over ten classes; every seed draws others.</param>
/// <param name="TestImages">Other pictures to score, the same for all seeds.</param>
/// <param name="Epochs">Passes over the training pictures.</param>
/// <param name="Seeds">How often each method is trained.</param>
internal sealed record DemoTask(int TrainImages = 100, int TestImages = 1000, int Epochs = 40, int Seeds = 3)
{
    /// <summary>The model's id, and the name of its weights.</summary>
    public const string Model = "demo_backbone";

    private const int Batch = 25, WarmupEpochs = 3, TrainSeed = 11, TestSeed = 12, BetweenSeeds = 100;

    /// <summary>The backbone's sizes, those of <c>recipes/demo-pretrain.json</c>.</summary>
    public static VitConfig Config { get; } = new(32, 32, PatchSize: 8, EmbedDim: 96, Depth: 6, NumHeads: 3, GlobalPool: true);

    /// <summary>The methods in the order in which they run.</summary>
    public static IReadOnlyList<DemoMethod> Methods { get; } =
    [
        new("Linear", new LinearProbe(), BaseLr: 0.01),
        new("VPT", new VptTuning(), BaseLr: 0.05),
        new("AdaptFormer-16", new AdaptFormerTuning(Bottleneck: 16), BaseLr: 0.02),
        new("Full tuning", new FullTuning(), BaseLr: 0.003),
    ];

    /// <summary>The backbone's weights, which come with the program.</summary>
    public const string Weights = ShippedWeights.Scheme + Model;

    /// <summary>The fingerprint of those weights, whatever the file looks like: <see cref="Models.BackboneSource.Digest"/>.</summary>
    public const string WeightsDigest = "sha256:b09c91dc00653b7ff28c5dfa5d16639fc616e7c31cc7726f2397541a45b364ae";

    /// <summary>Training pictures of a class.</summary>
    public int ImagesPerClass => TrainImages / Test.ClassNames.Count;

    /// <summary>The pictures that are scored.</summary>
    public SyntheticShapes Test => SyntheticShapes.Downstream(TestImages, TestSeed, Config.ImgHeight);

    /// <summary>The whole experiment for one method, as <c>adaptformer train</c> would read it.</summary>
    /// <param name="method">The method.</param>
    /// <param name="seed">Seed of the training pictures, of starting values, order, augmentation and dropout.</param>
    public Recipe Recipe(DemoMethod method, long seed) => new(
        new ModelOptions(Model, Weights, Config: Config),
        method.Tuning,
        new DataOptions(
            Spec(TrainImages, TrainSeed + (BetweenSeeds * seed)), Spec(TestImages, TestSeed), "synthetic-downstream",
            Transform: new AugmentOptions(TrainCrop.Stretch, Flip: true, Interpolation: Interpolation.Bilinear, EvalResize: 0)),
        Epochs, Batch, Seed: seed, Precision: Precision.Float32,
        Optimizer: new AdamWOptions(method.BaseLr, WeightDecay: 0),
        Schedule: new CosineSchedule(WarmupEpochs: Math.Min(WarmupEpochs, Epochs / 2)));

    private static string Spec(int count, long seed) => $"{count}:{seed}:{Config.ImgHeight}";
}
