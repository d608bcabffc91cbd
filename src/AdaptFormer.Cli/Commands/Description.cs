using System.Text.Json.Serialization;
using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cli.Commands;

/// <summary>A part's parameters.</summary>
internal sealed record DescribedPart(string Part, long Parameters, long Trainable);

/// <summary>What a call costs, predicted.</summary>
/// <param name="Batch">Images per call.</param>
/// <param name="MacsPerImage">Multiply-adds really done.</param>
/// <param name="PeakBytes">Memory at the highest point.</param>
/// <param name="SecondsPerImage">Time at this machine's rate of matrix products.</param>
internal sealed record DescribedCost(int Batch, long MacsPerImage, long PeakBytes, double SecondsPerImage);

/// <summary>What a card must have room for, predicted.</summary>
/// <param name="PredictBytes">Predictions, the batch at once.</param>
/// <param name="TrainBytes">Training steps.</param>
/// <param name="CodeBytes">What of both is an estimate for the driver's and the libraries' own code.</param>
/// <param name="CardBytes">The memory of this machine's first card; null without one.</param>
internal sealed record DescribedCard(long PredictBytes, long TrainBytes, long CodeBytes, long? CardBytes);

/// <summary>The answer of <c>describe</c>.</summary>
internal sealed record Description(
    string Model,
    string Method,
    string Formula,
    int Classes,
    long Parameters,
    long TrainableParameters,
    double TrainablePercent,
    IReadOnlyList<DescribedPart> Parts,
    long Macs,
    long FvcoreMacs,
    long AdapterBytes,
    string Precision,
    double GflopsPerSecond,
    DescribedCost Predict,
    DescribedCost Train,
    string? Preprocessing,
    string? BackboneDigest,
    IReadOnlyList<string>? Labels,
    IReadOnlyDictionary<string, double>? Metrics)
{
    // The runtime, its code and the kernels' scratch, beside what tensors need.
    private const long ProgramBytes = 100 << 20;

    /// <summary>The memory of a card; null unless it was asked for.</summary>
    public DescribedCard? Card { get; init; }

    /// <summary>Describes <paramref name="tuning"/> on <paramref name="model"/>; <paramref name="adapter"/> adds what its file
    /// says.</summary>
    public static Description Of(
        Backbone model, Tuning tuning, int classes, int batch, AdapterInfo? adapter, bool recomputesBlocks)
    {
        ModelReport report = ModelReport.Of(model, tuning, classes, batch, recomputesBlocks);
        double rate = MatMulRate.Estimate(model.Compute);
        return new Description(
            report.Model, tuning.Method, report.Formula, classes, report.Total, report.Trainable, 100.0 * report.Trainable / report.Total,
            [.. report.Parts.Select(part => new DescribedPart(part.Name, part.Total, part.Trainable))], report.Macs, report.FvcoreMacs,
            adapter?.FileBytes ?? report.AdapterBytes, model.Compute == DataType.BFloat16 ? "bfloat16" : "float32", rate / 1e9,
            Cost(report.Predict, rate), Cost(report.Train, rate), adapter?.Preprocessing.ToString(),
            adapter?.Backbone.Digest is { Length: > 0 } digest ? digest : null, adapter?.Labels, adapter?.Metrics);
    }

    private static DescribedCost Cost(CallCost cost, double rate) =>
        new(cost.Batch, cost.Macs, cost.Bytes + ProgramBytes, cost.SecondsPerImage(rate));
}

/// <summary>How a description is written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Description))]
internal sealed partial class DescriptionJson : JsonSerializerContext;
