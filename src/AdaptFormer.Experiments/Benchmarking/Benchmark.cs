using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>What to measure.</summary>
/// <param name="Recipe">Model, method, batch and precision; its data are not read. Without weights, random ones are written to a
/// temporary file.</param>
/// <param name="Train">Whether to measure training steps.</param>
/// <param name="Predict">Whether to measure predictions.</param>
/// <param name="Duration">Time for each of the two, after warm-up.</param>
/// <param name="Profile">Whether to tell where the time of a step goes.</param>
/// <param name="Against">A recipe whose steps are measured in turns with those of the first, in the same process; none if null. Its model
/// is the first one's.</param>
/// <param name="Kept">Whether training starts from kept results of the part that no training changes, as with a run's cache of
/// them.</param>
/// <param name="Int8">Whether predictions run as with <see cref="Precision.Int8"/>; then there is no training to measure.</param>
public sealed record BenchmarkOptions(
    Recipe Recipe, bool Train, bool Predict, TimeSpan Duration, bool Profile = false, Recipe? Against = null, bool Kept = false,
    bool Int8 = false);

/// <summary>What a user feels on this machine, and how close that is to what the machine can do.</summary>
/// <param name="Model">The backbone's id.</param>
/// <param name="Method">The method's id.</param>
/// <param name="Layers">Which blocks the method touches; null when it has no such choice.</param>
/// <param name="Batch">Pictures per step.</param>
/// <param name="ImageSize">Side of a picture, in pixels.</param>
/// <param name="Precision">Type of the matrix products' inputs.</param>
/// <param name="Backend">What runs the arithmetic.</param>
/// <param name="Threads">Threads that compute.</param>
/// <param name="TrainableParameters">Numbers that training changes.</param>
/// <param name="TrainImagesPerS">Median training speed; null when not measured.</param>
/// <param name="PredictImagesPerS">Median prediction speed; null when not measured.</param>
/// <param name="PeakRssBytes">Most memory that the process had.</param>
/// <param name="MatmulGflops">Measured limit: matrix products of a ViT-B block in this precision, 10⁹ operations per second.</param>
/// <param name="ShareOfMatmulLimit">A training step's products per second over that limit, in [0, 1]; null when not measured, and of int8,
/// whose limit is not that of floats.</param>
/// <param name="PredictShareOfMatmulLimit">The same of a prediction.</param>
/// <param name="TrainGflopPerImage">10⁹ operations of a training step's products for each picture: those that are computed, none for what
/// is left out.</param>
/// <param name="PredictGflopPerImage">The same of a prediction.</param>
/// <param name="TrainProfile">Where a training step's time goes; null unless asked for.</param>
/// <param name="PredictProfile">Where a prediction's time goes; null unless asked for.</param>
/// <param name="Against">The method that was measured in turns with this one; null when there was none.</param>
/// <param name="TrainTimeRatio">Time of this method's training step divided by that of the other's: the median over pairs of steps; null
/// when not measured.</param>
/// <param name="PredictTimeRatio">The same of a prediction.</param>
public sealed record BenchmarkResult(
    string Model, string Method, string? Layers, int Batch, int ImageSize, string Precision, string Backend, int Threads,
    long TrainableParameters,
    double? TrainImagesPerS, double? PredictImagesPerS, long PeakRssBytes, double MatmulGflops,
    double? ShareOfMatmulLimit, double? PredictShareOfMatmulLimit, double? TrainGflopPerImage, double? PredictGflopPerImage,
    IReadOnlyList<ProfileLine>? TrainProfile, IReadOnlyList<ProfileLine>? PredictProfile,
    string? Against, double? TrainTimeRatio, double? PredictTimeRatio)
{
    /// <summary>Bytes of a card's memory that were held; null on the CPU.</summary>
    public long? DeviceBytes { get; init; }
}

/// <summary>One kind of call within a step.</summary>
/// <param name="Call">The backend's method.</param>
/// <param name="Calls">Calls in a step.</param>
/// <param name="Milliseconds">Their time in a step.</param>
/// <param name="Share">Their share of the step, in [0, 1].</param>
/// <param name="Gflops">10⁹ operations of their matrix products per second; null for calls without products.</param>
public sealed record ProfileLine(string Call, double Calls, double Milliseconds, double Share, double? Gflops);

/// <summary>Measures training and predicting of one model, method, batch and precision, and holds both against the machine's matrix
/// products.</summary>
public static class Benchmark
{
    private const int ProfiledSteps = 3;

    /// <summary>Carries out a measurement; takes about the duration asked for, for each of training and predicting.</summary>
    /// <exception cref="ArgumentException">The model is not known, an option of the method is out of range for it, or training is to be
    /// measured in 8 bits.</exception>
    /// <exception cref="IOException">Weights cannot be read, or there is no room for random ones.</exception>
    /// <exception cref="InvalidDataException">The weights do not fit the model.</exception>
    public static BenchmarkResult Run(BenchmarkOptions options)
    {
        if (options is { Int8: true, Train: true })
            throw new ArgumentException("bench: int8 is for predictions; give --modes predict.");
        Recipe recipe = options.Recipe;
        double limit = MatMulRate.Measure(recipe.Precision.Compute());
        BufferPool.Trim();      // what the limit took is not the model's memory
        using RandomWeights? random = recipe.Model is { Weights: null, Config: null }
            ? RandomWeights.For(ModelZoo.Get(recipe.Model.Name)) : null;
        if (random is not null) recipe = recipe with { Model = recipe.Model with { Weights = random.Path } };

        using ModelBenchmark steps = Prepare(recipe, options.Kept);
        if (options.Int8)
        {
            steps.Freeze();
            steps.Model.PredictInBytes();
        }

        using ModelBenchmark? others = options.Against is { } other ? Prepare(recipe with { Tuning = other.Tuning }, kept: false) : null;
        if (!OperatingSystem.IsWindows()) random?.Dispose();      // what is mapped stays; a killed process leaves nothing behind
        Measured? predict = options.Predict ? Measure(steps, steps.Predict, others is null ? null : others.Predict, options) : null;
        Measured? train = options.Train ? Measure(steps, steps.TrainStep, others is null ? null : others.TrainStep, options) : null;
        Backbone model = steps.Model;
        double? Share(Measured? m) => options.Int8 ? null : m?.GflopPerImage * m?.ImagesPerS * 1e9 / limit;     // the limit is of floats

        using Process process = Process.GetCurrentProcess();
        return new BenchmarkResult(
            model.Id, recipe.Tuning.Method, (recipe.Tuning as Peft.AdaptFormerTuning)?.Layers, recipe.Batch, model.InputShape[^1],
            options.Int8 ? "int8" : model.Compute.ToString().ToLowerInvariant(),
            Backend.Current.Name, CpuParallel.Threads, model.TrainableParameters().Sum(entry => entry.Value.Length),
            train?.ImagesPerS, predict?.ImagesPerS, process.PeakWorkingSet64, limit / 1e9,
            Share(train), Share(predict), train?.GflopPerImage, predict?.GflopPerImage, train?.Profile, predict?.Profile,
            options.Against?.Tuning.Method, train?.TimeRatio, predict?.TimeRatio)
        { DeviceBytes = Backend.Current.HeldBytes };
    }

    // One picture has no variance that BatchNorm could learn from.
    private static ModelBenchmark Prepare(Recipe recipe, bool kept) =>
        new(RecipeBackbone.Load(recipe), recipe.Batch == 1
            ? recipe.Tuning with { Head = HeadKind.Plain } : recipe.Tuning, recipe.Batch, kept: kept)
        { Recompute = recipe.Recompute };

    private static Measured Measure(ModelBenchmark steps, Action step, Action? other, BenchmarkOptions options)
    {
        (double rate, double? ratio) = steps.ImagesPerSecond(step, options.Duration, other);
        ProfilingBackend profile = new(Backend.Current);
        int count = options.Profile ? ProfiledSteps : 1;
        long start = Stopwatch.GetTimestamp();
        using (Backend.Use(profile))
        {
            for (int i = 0; i < count; i++) step();
        }

        double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        IReadOnlyList<ProfileLine>? lines = options.Profile ? [.. profile.Costs.Select(Line)] : null;
        return new Measured(rate, profile.Flops / count / options.Recipe.Batch / 1e9, lines, ratio);

        ProfileLine Line(ProfiledCall cost) => new(
            cost.Call, (double)cost.Calls / count, cost.Time.TotalMilliseconds / count, cost.Time.TotalMilliseconds / milliseconds,
            cost.Flops > 0 ? cost.Flops / cost.Time.TotalSeconds / 1e9 : null);
    }

    private sealed record Measured(double ImagesPerS, double GflopPerImage, IReadOnlyList<ProfileLine>? Profile, double? TimeRatio);
}
