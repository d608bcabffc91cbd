using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Experiments.Benchmarking;

/// <summary>A method under the name that a table gives it.</summary>
/// <param name="Name">For people: the method's id, or a preset's.</param>
/// <param name="Tuning">The method.</param>
public sealed record NamedTuning(string Name, Tuning Tuning);

/// <summary>What <see cref="LatencyBenchmark"/> measures.</summary>
/// <param name="Sizes">The backbone, asked for its sizes and precision alone; random weights are as fast as real ones.</param>
/// <param name="Methods">The methods, each with a name of its own.</param>
/// <param name="Classes">K, at least 1.</param>
/// <param name="TrainBatch">Images of a training step; null to leave training out.</param>
/// <param name="PredictBatches">Images of the predictions; empty to leave them out.</param>
/// <param name="Trials">How often each is timed, at least 1.</param>
public sealed record LatencyOptions(
    Backbone Sizes, IReadOnlyList<NamedTuning> Methods, int Classes, int? TrainBatch, IReadOnlyList<int> PredictBatches, int Trials);

/// <summary>How long one kind of call took.</summary>
/// <param name="Batch">Images of a call.</param>
/// <param name="MedianMs">Median over the trials, in milliseconds.</param>
/// <param name="LowMs">A quarter of the trials was faster.</param>
/// <param name="HighMs">A quarter was slower.</param>
/// <param name="Relative">
/// Median over the rounds of this method's time over that of the model which it is held against in the same round: full tuning in
/// training, the model without additions (linear
/// probing or full tuning) in prediction. Null when that was not measured.
/// </param>
public sealed record Latency(int Batch, double MedianMs, double LowMs, double HighMs, double? Relative);

/// <summary>A method's row of both tables.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Formula">It as an equation.</param>
/// <param name="Parameters">All parameters, the head's included.</param>
/// <param name="TrainableParameters">Those that train.</param>
/// <param name="Macs">Multiply-adds of a prediction per image, as papers count.</param>
/// <param name="FvcoreMacs">The same as fvcore counts.</param>
/// <param name="Train">A training step: forward, loss, backward, optimizer; null when not measured.</param>
/// <param name="Predict">Predictions, a figure for each batch.</param>
/// <param name="Merges">Whether what the method adds can be folded into the backbone, whose speed it then has.</param>
public sealed record MethodLatency(
    string Method, string Formula, long Parameters, long TrainableParameters, long Macs, long FvcoreMacs, Latency? Train,
    IReadOnlyList<Latency> Predict, bool Merges);

/// <summary>The paper's Tables 11 and 12 of this machine.</summary>
/// <param name="Model">The backbone's id.</param>
/// <param name="Input">Shape of one input.</param>
/// <param name="Classes">K.</param>
/// <param name="Precision">Type of the matrix products' inputs.</param>
/// <param name="Backend">What runs the arithmetic.</param>
/// <param name="Threads">Threads that compute.</param>
/// <param name="Trials">How often each call was timed.</param>
/// <param name="Seconds">Time of the whole measurement.</param>
/// <param name="Methods">A row for each method.</param>
public sealed record LatencyResult(
    string Model, IReadOnlyList<int> Input, int Classes, string Precision, string Backend, int Threads, int Trials, double Seconds,
    IReadOnlyList<MethodLatency> Methods);
