using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Files;
using AdaptFormer.Runs.Statistics;

namespace AdaptFormer.Runs.Experiments;

/// <summary>What an experiment reports: one JSON line each, told apart by <c>record</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "record")]
[JsonDerivedType(typeof(StageRecord), "stage")]
[JsonDerivedType(typeof(TrialProgress), "progress")]
[JsonDerivedType(typeof(TrialRecord), "trial")]
[JsonDerivedType(typeof(ExperimentResult), "result")]
public abstract record ExperimentRecord
{
    /// <summary>This record as one line of JSON, without the line's end.</summary>
    public string ToJsonLine() => JsonSerializer.Serialize(this, ExperimentJson.Default.ExperimentRecord);
}

/// <summary>What is done next, or what may not be meant.</summary>
/// <param name="Message">In words.</param>
/// <param name="Warning">Whether it may not be meant.</param>
public sealed record StageRecord(string Message, bool Warning = false) : ExperimentRecord;

/// <summary>Something that a running trial reports; made often, kept nowhere.</summary>
/// <param name="Trial">Name of its folder.</param>
/// <param name="Row">What it is trained for.</param>
/// <param name="Done">Trials that are done.</param>
/// <param name="Of">All trials of this stage.</param>
/// <param name="Report">What it reports.</param>
/// <param name="SecondsLeft">Estimated time to the end of the stage; null as long as it is unknown.</param>
public sealed record TrialProgress(string Trial, string Row, int Done, int Of, RunRecord Report, double? SecondsLeft) : ExperimentRecord;

/// <summary>The end of a trial.</summary>
/// <param name="Row">What it was trained for.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Epochs">Its length.</param>
/// <param name="ValidationTop1">Percent of the pictures set aside that were right; null when none were, or when it failed.</param>
/// <param name="Failure">Why it has no result; null if it has one.</param>
/// <param name="Seconds">Its duration.</param>
/// <param name="Kept">Whether it had been finished before this call.</param>
/// <param name="Done">Trials that are done, this one included.</param>
/// <param name="Of">All trials of this stage.</param>
/// <param name="Folder">Its run directory, relative to the experiment's folder.</param>
public sealed record TrialRecord(
    string Row, long Seed, int Epochs, double? ValidationTop1, string? Failure, double Seconds, bool Kept, int Done, int Of, string Folder)
        : ExperimentRecord;

/// <summary>Scores on the test data.</summary>
/// <param name="Top1">Percent right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Loss">Mean loss of the readable pictures.</param>
/// <param name="Images">Pictures scored, unreadable ones included: they count as wrong.</param>
/// <param name="Answers">The file with the answer to every picture (<see cref="TestAnswers"/>), relative to the experiment's
/// folder.</param>
public sealed record TestResult(double Top1, double Top5, double Loss, int Images, string Answers)
{
    /// <summary>Mean average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Map { get; init; }
}

/// <summary>A trial and what came of it.</summary>
/// <param name="Folder">Its run directory, relative to the experiment's folder.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Failure">Why it has no result; null if it has one.</param>
/// <param name="Summary">Its outcome, without test data; null if it failed.</param>
/// <param name="Epochs">Its figures epoch by epoch.</param>
/// <param name="Test">Its scores on the test data; null if it was not scored.</param>
public sealed record TrialResult(
    string Folder, long Seed, string? Failure, TrainingSummary? Summary, IReadOnlyList<EpochRecord> Epochs, TestResult? Test = null)
{
    /// <summary>Mean loss on the validation data in the epoch that was kept; null without.</summary>
    [JsonIgnore]
    public double? ValidationLoss => Epochs.FirstOrDefault(epoch => epoch.Epoch == Summary?.BestEpoch)?.ValidationLoss;
}

/// <summary>A candidate of a row that was chosen among several.</summary>
/// <param name="Values">The values of its keys.</param>
/// <param name="Validation">Its accuracy on the validation data over the seeds; null if a trial failed.</param>
/// <param name="Failure">Why it has none.</param>
public sealed record CandidateResult(IReadOnlyDictionary<string, string> Values, Spread? Validation, string? Failure);

/// <summary>A row of the table.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Values">The values that it has in place of the base recipe's, by key.</param>
/// <param name="Method">The method's id.</param>
/// <param name="Formula">The method as an equation.</param>
/// <param name="Epochs">Length of its trainings.</param>
/// <param name="Validation">Top-1 on the validation data in percent, over the seeds, or mean average precision where a picture may have
/// several classes; null without validation data, or if a trial failed.</param>
/// <param name="Test">The same on the test data; null if it was not scored.</param>
/// <param name="ToBest">How far it lies from the best row on the test data; null for that row, and without test data.</param>
/// <param name="TrainableParameters">Numbers that training changed.</param>
/// <param name="TotalParameters">All numbers of the model.</param>
/// <param name="Seconds">Mean duration of a training.</param>
/// <param name="SecondsPerEpoch">Mean over the seeds of the median epoch.</param>
/// <param name="PeakBytes">Most memory that one of its trainings had.</param>
/// <param name="AdapterBytes">Size of the adapter file.</param>
/// <param name="Paper">The figure that the paper prints for it; null if none.</param>
/// <param name="Failure">Why the row has no figures; null if it has.</param>
/// <param name="Trials">Its trainings, one a seed.</param>
/// <param name="Candidates">What it was chosen among; null if there was no choice.</param>
public sealed record RowResult(
    string Name, IReadOnlyDictionary<string, string> Values, string Method, string Formula, int Epochs, Spread? Validation, Spread? Test,
        Difference? ToBest,
    long TrainableParameters, long TotalParameters, double Seconds, double SecondsPerEpoch, long PeakBytes, long AdapterBytes,
        double? Paper, string? Failure,
    IReadOnlyList<TrialResult> Trials, IReadOnlyList<CandidateResult>? Candidates);

/// <summary>What successive halving spent and chose.</summary>
/// <param name="Rungs">Its rounds, in order.</param>
/// <param name="Epochs">Epochs trained in all rounds.</param>
/// <param name="GridEpochs">Epochs of the full grid.</param>
/// <param name="Seconds">Duration of all trainings together.</param>
/// <param name="Chosen">The values that it chose, by key.</param>
public sealed record HalvingResult(
    IReadOnlyList<RungResult> Rungs, long Epochs, long GridEpochs, double Seconds, IReadOnlyDictionary<string, string> Chosen);

/// <summary>A round of successive halving.</summary>
/// <param name="Epochs">Length of its trainings.</param>
/// <param name="Rows">Its combinations, best first: by validation loss, in the last round by accuracy.</param>
public sealed record RungResult(int Epochs, IReadOnlyList<RowResult> Rows);

/// <summary>An experiment's outcome: <c>comparison.json</c> or <c>sweep.json</c>, from which a report can be made.</summary>
/// <param name="Kind"><c>comparison</c> or <c>sweep</c>.</param>
/// <param name="Command">The call that made it; null if it was no command.</param>
/// <param name="Environment">Where it ran.</param>
/// <param name="Model">The backbone's id.</param>
/// <param name="TrainData">The training data.</param>
/// <param name="TestData">The test data; null if there were none.</param>
/// <param name="ValidationFraction">Share of the training data that was set aside.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Rows">The rows, in the order of the plan.</param>
/// <param name="Best">Name of the best row; null if all failed.</param>
/// <param name="BestBy"><c>validation</c>, or <c>test</c> when no validation data were set aside.</param>
/// <param name="Significance">What tells chance from difference: <c>mcnemar_exact</c> with one seed, <c>paired_bootstrap</c> with several;
/// null when rows were not compared on test data.</param>
/// <param name="Warnings">What keeps the rows from being compared fairly.</param>
/// <param name="Halving">What successive halving did; null for a plain experiment.</param>
public sealed record ExperimentResult(
    string Kind, string? Command, RunEnvironment Environment, string Model, string TrainData, string? TestData, double ValidationFraction,
        IReadOnlyList<long> Seeds,
    IReadOnlyList<RowResult> Rows, string? Best, string BestBy, string? Significance, IReadOnlyList<string> Warnings,
        HalvingResult? Halving = null) : ExperimentRecord
{
    private const int MaxBytes = 1 << 28;

    /// <summary>Whether a picture may have several classes: accuracy is mean average precision then, and top-1 otherwise.</summary>
    [JsonIgnore]
    public bool MultiLabel =>
        Rows.SelectMany(row => row.Trials).Any(trial => trial.Summary?.ValidationMap is not null || trial.Test?.Map is not null);

    /// <summary>As indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        this, new ExperimentJson(new JsonSerializerOptions(ExperimentJson.Default.Options) { WriteIndented = true }).ExperimentResult);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It holds something else.</exception>
    public static ExperimentResult Read(string path)
    {
        try
        {
            string text = JsonText.Read(path, MaxBytes, "the result of an experiment");
            ExperimentResult result = JsonSerializer.Deserialize(text, ExperimentJson.Default.ExperimentResult)
                ?? throw new JsonException("it is null");
            if (result.Rows.Any(row => row is null || row.Trials.Any(trial => trial is null || trial.Epochs.Any(epoch => epoch is null))))
                throw new JsonException("a row, a trial or an epoch is null");
            return result;
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw new InvalidDataException($"{path} is not the result of a comparison or a sweep: {JsonText.Explain(error)}.", error);
        }
    }
}

/// <summary>How an experiment's records are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    AllowOutOfOrderMetadataProperties = true,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ExperimentRecord))]
[JsonSerializable(typeof(ExperimentResult))]
[JsonSerializable(typeof(TestAnswers))]
internal sealed partial class ExperimentJson : JsonSerializerContext;
