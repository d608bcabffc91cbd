using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Cli.Demo;

/// <summary>One row of the demo: a method and the learning rate that suits it.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Tuning">The method.</param>
/// <param name="BaseLr">Learning rate for a batch of 256.</param>
internal sealed record DemoMethod(string Name, Tuning Tuning, double BaseLr);

/// <summary>
/// What the demo trains on, and how: the same pictures, epochs, batch, optimizer, augmentation and schedule for all methods. Only the
/// learning rate
/// differs: what moves all weights at once needs a smaller one. The last epoch is scored, once; nothing is chosen by the test pictures.
/// </summary>
/// <param name="TrainImages">Pictures to train on, evenly over ten classes.</param>
/// <param name="TestImages">Other pictures to score.</param>
/// <param name="Epochs">Passes over the training pictures.</param>
internal sealed record DemoTask(int TrainImages = 2000, int TestImages = 1000, int Epochs = 20)
{
    /// <summary>The model's id, and the name of its weights file.</summary>
    public const string Model = "demo_backbone";

    private const int Batch = 50, TrainSeed = 11, TestSeed = 12;

    /// <summary>The backbone's sizes, those of <c>recipes/demo-pretrain.json</c>.</summary>
    public static VitConfig Config { get; } = new(32, 32, PatchSize: 8, EmbedDim: 96, Depth: 6, NumHeads: 3, GlobalPool: true);

    /// <summary>The methods in the order in which they run, the longest last.</summary>
    public static IReadOnlyList<DemoMethod> Methods { get; } =
    [
        new("Linear", new LinearProbe(), BaseLr: 0.02),
        new("VPT", new VptTuning(), BaseLr: 0.05),
        new("AdaptFormer-16", new AdaptFormerTuning(Bottleneck: 16), BaseLr: 0.02),
        new("Full-tuning", new FullTuning(), BaseLr: 0.0025),
    ];

    /// <summary>The backbone's weights, beside the program.</summary>
    public static string WeightsPath => Path.Combine(AppContext.BaseDirectory, "Assets", Model + ".safetensors");

    /// <summary>The fingerprint of those weights, whatever the file looks like: <see cref="Models.BackboneSource.Digest"/>.</summary>
    public const string WeightsDigest = "sha256:b09c91dc00653b7ff28c5dfa5d16639fc616e7c31cc7726f2397541a45b364ae";

    /// <summary>The pictures that are scored.</summary>
    public SyntheticShapes Test => SyntheticShapes.Downstream(TestImages, TestSeed, Config.ImgHeight);

    /// <summary>The whole experiment for one method, as <c>adaptformer train</c> would read it.</summary>
    /// <param name="method">The method.</param>
    /// <param name="seed">Seed of starting values, order, augmentation and dropout; the pictures stay the same.</param>
    public Recipe Recipe(DemoMethod method, long seed) => new(
        new ModelOptions(Model, WeightsPath, Config: Config),
        method.Tuning,
        new DataOptions(
            Spec(TrainImages, TrainSeed), Spec(TestImages, TestSeed), "synthetic-downstream",
            Transform: new AugmentOptions(TrainCrop.Stretch, Flip: true, Interpolation: Interpolation.Bilinear, EvalResize: 0)),
        Epochs, Batch, Seed: seed, Precision: Precision.Float32,
        Optimizer: new AdamWOptions(method.BaseLr, WeightDecay: 0),
        Schedule: new CosineSchedule(WarmupEpochs: Math.Min(1, Epochs / 2)));

    private static string Spec(int count, int seed) => $"{count}:{seed}:{Config.ImgHeight}";
}
