using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using AdaptFormer.Runs;
using AdaptFormer.Training.Metrics;

namespace AdaptFormer.Reports;

/// <summary>Everything that a report's page shows; the page draws it and adds nothing.</summary>
/// <param name="Title">What was run.</param>
/// <param name="Command">The call that makes it again.</param>
/// <param name="Facts">Figures for the head of the page, name and value; drawn small.</param>
/// <param name="Epochs">The curves.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Test">What was answered on the test data; null without, or where an item may have several classes.</param>
/// <param name="MultiLabel">The same where an item may have several classes; else null.</param>
/// <param name="Map">Test items in the plane; null without.</param>
/// <param name="Samples">Some test items with their answers.</param>
/// <param name="Recipe">The resolved recipe.</param>
/// <param name="Environment">Where it ran.</param>
public sealed record ReportData(
    string Title, string Command, IReadOnlyList<ReportFact> Facts, IReadOnlyList<EpochRecord> Epochs, IReadOnlyList<string> Classes,
    TestReport? Test, MultiLabelReport? MultiLabel, FeatureMap? Map, IReadOnlyList<SampleReport> Samples, JsonNode? Recipe,
    JsonNode? Environment)
{
    /// <summary>The figure that matters most, drawn large; null where nothing was scored.</summary>
    public ReportHeadline? Headline { get; init; }

    /// <summary>What must be known before anything else, such as that a run has not ended.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Items with maps of what the model read; empty without.</summary>
    public IReadOnlyList<AttentionReport> Attention { get; init; } = [];

    /// <summary>Precision, recall, F1 and area under the ROC curve of each class; empty without test data.</summary>
    public IReadOnlyList<ClassMetrics> Metrics { get; init; } = [];

    /// <summary>As JSON that may stand in a page: no sign in it ends a script.</summary>
    public string ToJson() => ReportPage.Safe(JsonSerializer.Serialize(this, ReportJson.Default.ReportData));
}

/// <summary>A figure for the head of a page.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">For people.</param>
public sealed record ReportFact(string Name, string Value);

/// <summary>The one figure of a page that is drawn large.</summary>
/// <param name="Name">What it is, and of what.</param>
/// <param name="Value">A number and its unit.</param>
/// <param name="Interval">How far it can be trusted, in words; null where that is not known.</param>
public sealed record ReportHeadline(string Name, string Value, string? Interval);

/// <summary>How the test data were answered.</summary>
/// <param name="Top1">Percent right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Confusion">Pairs of classes that occurred: label, answer, how often.</param>
/// <param name="Unreadable">Items that could not be read; they count as wrong and stand in no other figure here.</param>
/// <param name="Calibration">Confidence in ten steps, against the share that was right.</param>
/// <param name="CalibrationError">Mean distance of confidence and share that was right, weighted by number (ECE), in [0, 1].</param>
public sealed record TestReport(
    double Top1, double Top5, IReadOnlyList<int[]> Confusion, int Unreadable, IReadOnlyList<CalibrationBin> Calibration,
    double CalibrationError);

/// <summary>How test data whose items may have several classes were answered.</summary>
/// <param name="Map">Mean average precision in percent, in ASL's definition.</param>
/// <param name="MapSklearn">The same in scikit-learn's definition.</param>
/// <param name="Classes">Each class.</param>
public sealed record MultiLabelReport(double Map, double MapSklearn, IReadOnlyList<ClassReport> Classes);

/// <summary>A class of such data.</summary>
/// <param name="Class">Its index.</param>
/// <param name="Items">Test items that have it.</param>
/// <param name="AveragePrecision">In percent, in ASL's definition.</param>
public sealed record ClassReport(int Class, int Items, double AveragePrecision);

/// <summary>The answers within a step of confidence.</summary>
/// <param name="Count">How many.</param>
/// <param name="Confidence">Their mean confidence, in [0, 1].</param>
/// <param name="Right">Share of them that was right, in [0, 1].</param>
public sealed record CalibrationBin(int Count, double Confidence, double Right);

/// <summary>Features of test items in the plane, by t-SNE.</summary>
/// <param name="X">Abscissas.</param>
/// <param name="Y">Ordinates.</param>
/// <param name="Labels">Classes, the first of several; -1 for none.</param>
/// <param name="Of">Number of test items that these were taken from.</param>
public sealed record FeatureMap(IReadOnlyList<double> X, IReadOnlyList<double> Y, IReadOnlyList<int> Labels, int Of)
{
    /// <summary>Whether <see cref="Labels"/> are the model's answers, for items whose class is not known.</summary>
    public bool ByAnswer { get; init; }
}

/// <summary>A test item and its answer.</summary>
/// <param name="Picture">The picture as a data address, some frames side by side for a clip; empty if there is nothing to see.</param>
/// <param name="Source">Where it comes from.</param>
/// <param name="Label">Its class, or all of them.</param>
/// <param name="Answer">The answer; where there may be several, those that are likelier than not.</param>
/// <param name="Confidence">The likeliest answer's probability, in [0, 1].</param>
/// <param name="Right">Whether the likeliest answer counts as right.</param>
/// <param name="Frames">Squares in the picture.</param>
public sealed record SampleReport(
    string Picture, string Source, string Label, string Answer, double Confidence, bool Right, int Frames);

/// <summary>An item and maps of what the model read, drawn over it; pictures are data addresses.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="Label">Its class; null where it is not known.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Confidence">The answer's probability, in [0, 1].</param>
/// <param name="Reader">Whose attention is shown, in words.</param>
/// <param name="Picture">What the model saw; of a clip, some frames side by side.</param>
/// <param name="Mean">Attention of the last block, the mean of its heads.</param>
/// <param name="Rollout">Attention through all blocks; null where attention is confined to windows.</param>
/// <param name="Heads">Attention of the last block, each head.</param>
public sealed record AttentionReport(
    string Source, string? Label, string Answer, double Confidence, string Reader, string Picture, string Mean, string? Rollout,
    IReadOnlyList<string> Heads);

/// <summary>How a report's data are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ReportData))]
[JsonSerializable(typeof(IReadOnlyList<ReportFact>))]
[JsonSerializable(typeof(ReportHeadline))]
internal sealed partial class ReportJson : JsonSerializerContext;
