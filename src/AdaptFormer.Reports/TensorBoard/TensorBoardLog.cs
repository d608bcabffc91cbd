using System.Text.Json.Nodes;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>
/// A run as TensorBoard reads it, in <c>tensorboard/</c> of its folder: numbers of every epoch, the recipe as text and as hyper-parameters;
/// at the end test scores, answers with
/// their pictures, and features for the projector. <c>log.jsonl</c> stays the truth: a run that goes on writes the file anew from it.
/// </summary>
public sealed class TensorBoardLog : IDisposable
{
    /// <summary>Name of the event file: one for each run, the same whenever it is begun anew.</summary>
    public const string FileName = "events.out.tfevents.0.adaptformer";

    private const string TestPart = "test/";
    private readonly string _folder;
    private readonly EventFile _events;

    /// <summary>Begins the file, with the epochs that the run has behind it.</summary>
    /// <param name="folder">The folder; made if it is not there.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <param name="epochs">The epochs done so far.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public TensorBoardLog(string folder, Recipe recipe, IReadOnlyList<EpochRecord> epochs)
    {
        _folder = folder;
        Disk.CreateFolder(folder);
        DateTimeOffset time = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(epochs.Sum(epoch => epoch.Seconds));
        _events = new EventFile(Path.Combine(folder, FileName), time);
        ProtobufWriter text = SummaryValue.Text("recipe", $"```json\n{recipe.ToJson()}\n```");
        _events.Write(time, 0, [SummaryValue.HyperParameters(HyperParameters(recipe), time), text]);
        foreach (EpochRecord epoch in epochs) Add(epoch, time += TimeSpan.FromSeconds(epoch.Seconds));
    }

    /// <summary>Adds an epoch.</summary>
    public void Add(EpochRecord epoch) => Add(epoch, DateTimeOffset.UtcNow);

    /// <summary>Ends the file.</summary>
    /// <param name="summary">The outcome.</param>
    /// <param name="report">The run's page: its answers with their pictures are shown here too.</param>
    /// <param name="features">Features of test items; null if there are none.</param>
    public void End(TrainingSummary summary, ReportData report, FeatureSet? features)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        List<ProtobufWriter> values = [];
        Scalar(values, $"{TestPart}top1", summary.TestTop1);
        Scalar(values, $"{TestPart}top5", summary.TestTop5);
        Scalar(values, $"{TestPart}loss", summary.TestLoss);
        Scalar(values, $"{TestPart}map", summary.TestMap);
        int number = 0;
        foreach (SampleReport sample in report.Samples)
        {
            if (sample.Picture.Length == 0) continue;
            byte[] png = Convert.FromBase64String(sample.Picture[(sample.Picture.IndexOf(',', StringComparison.Ordinal) + 1)..]);
            values.Add(SummaryValue.Image($"answers/{++number:00} {sample.Label}, answered as {sample.Answer}", png));
        }

        values.Add(SummaryValue.RunEnded(now));
        _events.Write(now, summary.BestEpoch, values);
        if (features is not null) Projector.Write(_folder, features, report.Classes);
    }

    /// <inheritdoc/>
    public void Dispose() => _events.Dispose();

    /// <summary>The leaves of a recipe, by their full keys; without what changes nothing that is learned.</summary>
    internal static IReadOnlyList<KeyValuePair<string, JsonValue>> HyperParameters(Recipe recipe)
    {
        List<KeyValuePair<string, JsonValue>> leaves = [];
        Collect("", (JsonObject)JsonNode.Parse(recipe.ToJson())!);
        return leaves;

        void Collect(string prefix, JsonObject part)
        {
            foreach ((string key, JsonNode? value) in part)
            {
                if (prefix.Length == 0 && key is "cache" or "workers" or "checkpoints" or "tensorboard") continue;
                if (value is JsonObject below) Collect($"{prefix}{key}.", below);
                else if (value is JsonArray list) leaves.Add(new($"{prefix}{key}", JsonValue.Create(list.ToJsonString())));
                else if (value is JsonValue leaf) leaves.Add(new($"{prefix}{key}", leaf));
            }
        }
    }

    private void Add(EpochRecord epoch, DateTimeOffset time)
    {
        List<ProtobufWriter> values = [];
        Scalar(values, "loss/train", epoch.TrainLoss);
        Scalar(values, "loss/validation", epoch.ValidationLoss);
        Scalar(values, "top1/train", epoch.TrainTop1);
        Scalar(values, "top1/validation", epoch.ValidationTop1);
        Scalar(values, "top5/validation", epoch.ValidationTop5);
        Scalar(values, "map/validation", epoch.ValidationMap);
        Scalar(values, "lr", epoch.Lr);
        Scalar(values, "speed/images_per_s", epoch.ImagesPerS);
        Scalar(values, "speed/wait_share", epoch.WaitShare);
        Scalar(values, "speed/seconds", epoch.Seconds);
        _events.Write(time, epoch.Epoch, values);
    }

    private static void Scalar(List<ProtobufWriter> values, string tag, double? value)
    {
        if (value is { } number) values.Add(SummaryValue.Scalar(tag, number));
    }
}
