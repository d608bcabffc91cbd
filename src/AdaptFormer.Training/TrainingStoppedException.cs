
namespace AdaptFormer.Training;

/// <summary>A run was stopped from outside; the message says what was kept.</summary>
/// <param name="message">What was kept and where.</param>
/// <param name="stopped">How the stop was noticed.</param>
public sealed class TrainingStoppedException(string message, OperationCanceledException stopped)
    : OperationCanceledException(message, stopped, stopped.CancellationToken);
