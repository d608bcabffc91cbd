using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Runs;

/// <summary>What a run reports and keeps: one JSON line each, told apart by <c>record</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "record")]
[JsonDerivedType(typeof(StartRecord), "start")]
[JsonDerivedType(typeof(WarningRecord), "warning")]
[JsonDerivedType(typeof(CacheRecord), "cache")]
[JsonDerivedType(typeof(ProgressRecord), "progress")]
[JsonDerivedType(typeof(EpochRecord), "epoch")]
[JsonDerivedType(typeof(TrainingSummary), "summary")]
[JsonDerivedType(typeof(SeedsSummary), "seeds")]
[JsonDerivedType(typeof(PretrainStartRecord), "pretrain_start")]
[JsonDerivedType(typeof(EarlierPretrainEpoch), "pretrain_epoch")]
[JsonDerivedType(typeof(PretrainSummary), "pretrain_summary")]
public abstract record RunRecord
{
    /// <summary>This record as one line of JSON, without the line's end.</summary>
    public string ToJsonLine() => JsonSerializer.Serialize(this, RunJson.Default.RunRecord);

    /// <summary>Reads what <see cref="ToJsonLine"/> wrote.</summary>
    /// <exception cref="JsonException">The line is not such a record.</exception>
    public static RunRecord FromJsonLine(string line)
    {
        try
        {
            RunRecord record = JsonSerializer.Deserialize(line, RunJson.Default.RunRecord) ?? throw new JsonException("it is null");
            return record is EarlierPretrainEpoch earlier ? earlier.Now() : record;
        }
        catch (NotSupportedException error)
        {
            throw new JsonException("it does not say in 'record' of which kind it is", error);
        }
    }
}

/// <summary>What will be trained: said before the first step.</summary>
/// <param name="Model">The backbone's id.</param>
/// <param name="Method">The method's id.</param>
/// <param name="TrainableParameters">Numbers that training changes.</param>
/// <param name="TotalParameters">All numbers of the model, trainable ones included.</param>
/// <param name="TrainImages">Pictures in an epoch.</param>
/// <param name="ValidationImages">Pictures set aside to choose the best epoch; 0 if none.</param>
/// <param name="TestImages">Pictures scored at the end; 0 if none.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="PeakLr">Learning rate at the top of the schedule, after scaling by the batch.</param>
/// <param name="Precision">Storage of frozen weights and matmul inputs, as chosen.</param>
/// <param name="Backend">What runs the arithmetic.</param>
/// <param name="Seed">The run's seed.</param>
public sealed record StartRecord(
    string Model, string Method, long TrainableParameters, long TotalParameters, int TrainImages, int ValidationImages, int TestImages,
    int Classes, double PeakLr, string Precision, string Backend, long Seed) : RunRecord
{
    /// <summary>Who trains together, for people; null for one process.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Processes { get; init; }

    /// <summary>Whether the pictures are clips.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Clips { get; init; }
}

/// <summary>Something that may not be meant; the run goes on.</summary>
/// <param name="Message">What was found and what to do about it.</param>
public sealed record WarningRecord(string Message) : RunRecord;

/// <summary>Whether the work of frozen layers is kept for a part of the data, and why.</summary>
/// <param name="Used">Whether it is.</param>
/// <param name="Message">For people.</param>
/// <param name="Bytes">What it takes on disk.</param>
public sealed record CacheRecord(bool Used, string Message, long Bytes) : RunRecord;

/// <summary>The state within an epoch; made often, kept nowhere.</summary>
/// <param name="Phase">What is being done: <c>train</c>, <c>validate</c>, <c>test</c>, or <c>cache</c> while tensors of frozen layers are
/// computed.</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Epochs">Number of epochs.</param>
/// <param name="Step">Batches done in this phase.</param>
/// <param name="Steps">Batches in this phase.</param>
/// <param name="Loss">Mean loss so far in this phase; null if not measured.</param>
/// <param name="ImagesPerS">Pictures per second in this phase.</param>
/// <param name="WaitShare">Share of the time that was spent waiting for data, in [0, 1].</param>
/// <param name="SecondsLeft">Estimated time to the end of the run; null as long as it is unknown.</param>
public sealed record ProgressRecord(
    string Phase, int Epoch, int Epochs, int Step, int Steps, double? Loss, double ImagesPerS, double WaitShare,
    double? SecondsLeft) : RunRecord
{
    /// <summary>Of several processes the one that the others wait for; null of one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SlowestRank? Slowest { get; init; }

    /// <summary>What a trainer tells after a batch.</summary>
    public static ProgressRecord Of(TrainerProgress told) => new(
        told.Phase, told.Epoch, told.Epochs, told.Step, told.Steps, told.Loss, told.ImagesPerS, told.WaitShare, told.SecondsLeft)
    { Slowest = told.Slowest };
}

/// <summary>The figures of one epoch: a line of <c>log.jsonl</c>.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainLoss">Mean loss over the epoch's training batches.</param>
/// <param name="TrainTop1">Percent of training pictures, augmented as they were, that were right; null for tasks that name no
/// class.</param>
/// <param name="ValidationLoss">Mean loss on the pictures set aside; null when they were not scored.</param>
/// <param name="ValidationTop1">Percent right of them; null when they were not scored.</param>
/// <param name="ValidationTop5">Percent with the label among the first five; null when they were not scored.</param>
/// <param name="Lr">Learning rate of the epoch's last step.</param>
/// <param name="ImagesPerS">Training pictures per second, evaluation left out.</param>
/// <param name="WaitShare">Share of the training time that was spent waiting for data, in [0, 1].</param>
/// <param name="Seconds">Duration of the epoch, evaluation included.</param>
public sealed record EpochRecord(
    int Epoch, double TrainLoss, double? TrainTop1, double? ValidationLoss, double? ValidationTop1, double? ValidationTop5,
    double Lr, double ImagesPerS, double WaitShare, double Seconds) : RunRecord
{
    /// <summary>Mean average precision on the pictures set aside, in percent (ASL's definition); null when they were not scored, or have
    /// one class each.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ValidationMap { get; init; }

    /// <summary>The figures of a task that has others than these: <c>train_</c> or <c>validation_</c> and its name; null where there are
    /// none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Figures { get; init; }

    /// <summary>What each of several processes did with the training time; null of one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<RankTime>? Ranks { get; init; }

    /// <summary>What a trainer tells at the end of an epoch.</summary>
    public static EpochRecord Of(EpochFigures told)
    {
        KeyValuePair<string, double>[] others =
        [
            .. told.Trained.Where(IsOther).Select(figure => KeyValuePair.Create("train_" + figure.Key, figure.Value)),
            .. (told.Validation?.Figures ?? new Dictionary<string, double>()).Where(IsOther)
                .Select(figure => KeyValuePair.Create("validation_" + figure.Key, figure.Value)),
        ];
        double? trainTop1 = told.Trained.TryGetValue(LabelTask.Top1, out double top1) ? top1 : null;
        return new EpochRecord(
            told.Epoch, told.TrainLoss, trainTop1, told.Validation?.Loss, told.Validation?[LabelTask.Top1],
            told.Validation?[LabelTask.Top5],
            told.Lr, told.ImagesPerS, told.WaitShare, told.Seconds)
        {
            ValidationMap = told.Validation?[LabelTask.MeanAp],
            Figures = others.Length > 0 ? new Dictionary<string, double>(others) : null,
            Ranks = told.Ranks.Count > 0 ? told.Ranks : null,
        };
    }

    private static bool IsOther(KeyValuePair<string, double> figure) =>
        figure.Key is not (LabelTask.Top1 or LabelTask.Top5 or LabelTask.MeanAp or LabelTask.MeanApSklearn);
}

/// <summary>The outcome of a run: <c>summary.json</c>, and the last line that <c>train --json</c> prints.</summary>
/// <param name="TestTop1">Percent of test pictures that were right; null without test data.</param>
/// <param name="TestTop5">Percent with the label among the first five; null without test data.</param>
/// <param name="TestLoss">Mean loss on the test data; null without.</param>
/// <param name="TestImages">Pictures scored, those that could not be read included: they count as wrong.</param>
/// <param name="BestEpoch">The epoch that was kept, from 1: the best on the pictures set aside, or the last.</param>
/// <param name="ValidationTop1">Percent of the pictures set aside that were right in that epoch; null when none were.</param>
/// <param name="TrainableParameters">Numbers that training changed.</param>
/// <param name="TotalParameters">All numbers of the model, trainable ones included.</param>
/// <param name="Seconds">Duration of the whole run.</param>
/// <param name="SecondsPerEpoch">Median duration of an epoch.</param>
/// <param name="ImagesPerS">Median training speed.</param>
/// <param name="PeakBytes">Most memory the process had, in bytes.</param>
/// <param name="AdapterBytes">Size of the adapter file.</param>
/// <param name="Adapter">The adapter file.</param>
/// <param name="Seed">The run's seed.</param>
public sealed record TrainingSummary(
    double? TestTop1, double? TestTop5, double? TestLoss, int TestImages, int BestEpoch, double? ValidationTop1,
    long TrainableParameters, long TotalParameters, double Seconds, double SecondsPerEpoch, double ImagesPerS, long PeakBytes,
    long AdapterBytes, string? Adapter, long Seed) : RunRecord
{
    /// <summary>What the products' inputs were: <c>float32</c> or <c>bfloat16</c>; null in runs of versions that did not record
    /// it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Precision { get; init; }

    /// <summary>The epoch after which training ended because none was better for as long as <c>early_stopping</c> allows; null if it went
    /// to its end.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? StoppedAfter { get; init; }

    /// <summary>Mean precision of the classes on the test data, in percent, each class counting as much as any other; null
    /// without.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestPrecision { get; init; }

    /// <summary>Mean recall of the classes, likewise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestRecall { get; init; }

    /// <summary>Mean F1 of the classes, likewise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestF1 { get; init; }

    /// <summary>Mean area under the ROC curves of each class against the rest, likewise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestAuc { get; init; }

    /// <summary>The page that shows the run; null in runs of older versions.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Report { get; init; }

    /// <summary>Mean average precision on the test data in percent, in ASL's definition; null without, or where a picture has one
    /// class.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestMap { get; init; }

    /// <summary>The same in scikit-learn's definition, over the classes that occur.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TestMapSklearn { get; init; }

    /// <summary>Mean average precision of the epoch that was kept, on the pictures set aside.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ValidationMap { get; init; }

    /// <summary>The figures of a task that has others than these, by name; null where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Figures { get; init; }
}

/// <summary>The outcome of one recipe under several seeds: the last line of <c>train --seeds n --json</c>.</summary>
/// <param name="TestTop1">Mean over seeds, percent; null without test data.</param>
/// <param name="TestTop1Std">Sample standard deviation over seeds, in points; null without test data or with one seed.</param>
/// <param name="TestTop1PerSeed">Percent for each seed.</param>
/// <param name="Seeds">The seeds, in the same order.</param>
/// <param name="TrainableParameters">Numbers that training changed in each run.</param>
/// <param name="Seconds">Duration of all runs together.</param>
public sealed record SeedsSummary(
    double? TestTop1, double? TestTop1Std, IReadOnlyList<double> TestTop1PerSeed, IReadOnlyList<long> Seeds,
    long TrainableParameters, double Seconds) : RunRecord
{
    /// <summary>Mean average precision for each seed, in percent; null where a picture has one class, or without test data.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<double>? TestMapPerSeed { get; init; }

    /// <summary>Summarises runs of one recipe that differ in their seed only.</summary>
    /// <exception cref="ArgumentException">There is no run.</exception>
    public static SeedsSummary Of(IReadOnlyList<TrainingSummary> runs)
    {
        if (runs.Count == 0) throw new ArgumentException("SeedsSummary: no run to summarise.", nameof(runs));
        double[] scores = [.. runs.Select(run => run.TestTop1).OfType<double>()];
        double? mean = scores.Length == runs.Count ? scores.Average() : null;
        double? deviation = mean is { } m && scores.Length > 1 ? Math.Sqrt(scores.Sum(s => (s - m) * (s - m)) / (scores.Length - 1)) : null;
        long[] seeds = [.. runs.Select(run => run.Seed)];
        return new SeedsSummary(mean, deviation, scores, seeds, runs[0].TrainableParameters, runs.Sum(run => run.Seconds))
        {
            TestMapPerSeed = runs.All(run => run.TestMap is not null) ? [.. runs.Select(run => run.TestMap!.Value)] : null,
        };
    }
}

/// <summary>How run records are written: snake_case, one line.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    AllowOutOfOrderMetadataProperties = true,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(RunRecord))]
[JsonSerializable(typeof(RunEnvironment))]
internal sealed partial class RunJson : JsonSerializerContext;
