using System.Text.Json.Serialization;

namespace AdaptFormer.Runs;

/// <summary>What will be pre-trained: said before the first step.</summary>
/// <param name="Model">The encoder's id.</param>
/// <param name="EncoderParameters">Numbers of the encoder.</param>
/// <param name="DecoderParameters">Numbers of what is dropped afterwards.</param>
/// <param name="TrainImages">Pictures in an epoch.</param>
/// <param name="Patches">Patches of a picture.</param>
/// <param name="PeakLr">Learning rate at the top of the schedule, after scaling by the batch.</param>
/// <param name="Precision">Type of the matrix products' inputs, as chosen.</param>
/// <param name="Backend">What runs the arithmetic.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="ResumedEpoch">Epochs that an interrupted run had done; 0 for a new one.</param>
public sealed record PretrainStartRecord(
    string Model, long EncoderParameters, long DecoderParameters, int TrainImages, int Patches, double PeakLr, string Precision,
    string Backend, long Seed, int ResumedEpoch) : RunRecord
{
    /// <summary>Whether the pictures are clips.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Clips { get; init; }

    /// <summary>Who trains together, for people; null for one process.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Processes { get; init; }
}

/// <summary>An epoch of pre-training as earlier versions wrote it into their log.</summary>
internal sealed record EarlierPretrainEpoch(int Epoch, double TrainLoss, double Lr, double ImagesPerS, double WaitShare, double Seconds)
    : RunRecord
{
    /// <summary>The same epoch as it is written now.</summary>
    public EpochRecord Now() => new(Epoch, TrainLoss, null, null, null, null, Lr, ImagesPerS, WaitShare, Seconds);
}

/// <summary>The outcome of pre-training: the last line that <c>pretrain --json</c> prints.</summary>
/// <param name="TrainLoss">Loss of the last epoch; that of the log when a resumed run had nothing left to do.</param>
/// <param name="Epochs">Epochs done in all.</param>
/// <param name="Weights">The checkpoint, ready to be a recipe's <c>model.weights</c>.</param>
/// <param name="WeightsBytes">Its size.</param>
/// <param name="Seconds">Duration of this call.</param>
/// <param name="Seed">The run's seed.</param>
public sealed record PretrainSummary(double TrainLoss, int Epochs, string Weights, long WeightsBytes, double Seconds, long Seed) : RunRecord
{
    /// <summary>What the products' inputs were: <c>float32</c> or <c>bfloat16</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Precision { get; init; }
}
