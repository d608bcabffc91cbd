using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Commands;

/// <summary>The answer to a picture or clip whose class is known.</summary>
/// <param name="Path">Where it comes from.</param>
/// <param name="Labels">Its class, or all of them.</param>
/// <param name="Answers">The answer; where there may be several, the classes that are likelier than not. Empty if it could not be
/// read.</param>
/// <param name="Probability">That of the likeliest class; null if it could not be read.</param>
/// <param name="Right">Whether the likeliest class is right.</param>
internal sealed record ScoredItem(
    string Path, IReadOnlyList<string> Labels, IReadOnlyList<string> Answers, double? Probability, bool Right);

/// <summary>The file that <c>eval --predictions</c> writes: a line for each picture or clip.</summary>
/// <param name="path">The file.</param>
/// <param name="option">The option that named it.</param>
/// <exception cref="ArgumentException">The name ends otherwise than such files do.</exception>
internal sealed class AnswerFile(string path, string option)
{
    private static readonly AnswerJson Json = new(
        new JsonSerializerOptions(AnswerJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly PredictionFile _file = new(path, option, "path", "label", "answer", "probability", "right");

    /// <summary>Writes the answers.</summary>
    /// <param name="scored">What was answered, in the order of the data.</param>
    /// <param name="data">The data.</param>
    /// <param name="labels">Names of the classes.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(Evaluator scored, LabelledDataset data, IReadOnlyList<string> labels)
    {
        foreach ((int i, Answer answer) in scored.Answers.Index())
        {
            ScoredItem item = new(
                data.Source(i), [.. data.Labels(i).Select(k => labels[k])], [.. Answers(scored, answer, i).Select(k => labels[k])],
                IsRead(scored, answer, i) ? Math.Round(answer.Confidence, 6) : null, answer.Right);
            _file.Add(
                JsonSerializer.Serialize(item, Json.ScoredItem),
                item.Path, string.Join('|', item.Labels), string.Join('|', item.Answers),
                item.Probability?.ToString("0.######", CultureInfo.InvariantCulture), item.Right ? "true" : "false");
        }

        _file.Save();
    }

    // Without a class an item that may have several can have been read all the same.
    private static bool IsRead(Evaluator scored, Answer answer, int item) =>
        scored.MultiLabel is { } many ? !many.Logits(item).All(float.IsNegativeInfinity) : answer.Label >= 0;

    private static IEnumerable<int> Answers(Evaluator scored, Answer answer, int item) => !IsRead(scored, answer, item) ? []
        : scored.MultiLabel is not { } many ? [answer.Predicted]
        : many.Logits(item).Index().Where(pair => pair.Item > 0).Select(pair => pair.Index);
}

/// <summary>How an answer is written as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ScoredItem))]
internal sealed partial class AnswerJson : JsonSerializerContext;
