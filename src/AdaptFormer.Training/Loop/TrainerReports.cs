using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Training.Loop;

/// <summary>The state within an epoch, as a trainer tells it after every batch.</summary>
/// <param name="Phase">What is being done: <c>train</c> or <c>validate</c>.</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Epochs">Number of epochs.</param>
/// <param name="Step">Batches done in this phase.</param>
/// <param name="Steps">Batches in this phase.</param>
/// <param name="Loss">Mean loss so far in this phase.</param>
/// <param name="ImagesPerS">Pictures per second in this phase.</param>
/// <param name="WaitShare">Share of the time that was spent waiting for data, in [0, 1].</param>
/// <param name="SecondsLeft">Estimated time to the end of training; null as long as it is unknown.</param>
public sealed record TrainerProgress(
    string Phase, int Epoch, int Epochs, int Step, int Steps, double Loss, double ImagesPerS, double WaitShare, double? SecondsLeft)
{
    /// <summary>Of several processes the one that the others wait for; null of one.</summary>
    public SlowestRank? Slowest { get; init; }
}

/// <summary>The figures of one epoch, as a trainer tells them at its end.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainLoss">Mean loss over the epoch's training batches.</param>
/// <param name="Trained">What else the task saw of the training batches, by name.</param>
/// <param name="Validation">Scores on the data set aside; null when they were not scored.</param>
/// <param name="Lr">Learning rate of the epoch's last step.</param>
/// <param name="ImagesPerS">Training pictures per second, evaluation left out.</param>
/// <param name="WaitShare">Share of the training time that was spent waiting for data, in [0, 1].</param>
/// <param name="Seconds">Duration of the epoch, evaluation included.</param>
public sealed record EpochFigures(
    int Epoch, double TrainLoss, IReadOnlyDictionary<string, double> Trained, TaskScores? Validation, double Lr, double ImagesPerS,
    double WaitShare, double Seconds)
{
    /// <summary>What each of several processes did with the training time; empty of one.</summary>
    public IReadOnlyList<RankTime> Ranks { get; init; } = [];
}
