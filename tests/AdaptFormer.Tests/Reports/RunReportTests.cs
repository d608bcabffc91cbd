using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Reports;
using AdaptFormer.Reports.TensorBoard;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Runs.Statistics;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Reports;

public sealed class RunReportTests : IDisposable
{
    private readonly TinyTask _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void A_run_ends_with_a_page_that_holds_everything_and_loads_nothing()
    {
        TrainingSummary summary = TrainingRun.Execute(Recipe.Load(_task.Recipe), _task["run"], ExistingRun.Refuse, _ => { });
        string page = File.ReadAllText(_task["run/report.html"]);
        Assert.DoesNotMatch("(src|href)=\"?http", page);
        Assert.DoesNotContain("{{", page[..page.IndexOf("<script>", StringComparison.Ordinal)], StringComparison.Ordinal);
        JsonElement data = ReportPages.Data(page);
        Assert.Equal(3, data.GetProperty("epochs").GetArrayLength());
        Assert.Equal(TinyTask.Labels, data.GetProperty("classes").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(15, data.GetProperty("test").GetProperty("confusion").EnumerateArray().Sum(cell => cell[2].GetInt32()));
        Assert.Equal(summary.TestTop1, data.GetProperty("test").GetProperty("top1").GetDouble());
        Assert.Equal(15, data.GetProperty("map").GetProperty("labels").GetArrayLength());
        Assert.Equal(12, data.GetProperty("samples").GetArrayLength());
        Assert.All(data.GetProperty("samples").EnumerateArray(), sample => Assert.StartsWith("data:image/png;base64,", sample.GetProperty("picture").GetString(), StringComparison.Ordinal));
        Assert.Equal("adaptformer", data.GetProperty("recipe").GetProperty("tuning").GetProperty("method").GetString());
        (double low, double high) = WilsonInterval.Of((int)Math.Round(0.15 * summary.TestTop1!.Value), 15);
        JsonElement large = data.GetProperty("headline");
        Assert.Equal("test top-1, 15 items", large.GetProperty("name").GetString());
        Assert.Equal(FormattableString.Invariant($"{summary.TestTop1:0.00} %"), large.GetProperty("value").GetString());
        Assert.Equal(FormattableString.Invariant($"95 % interval {100 * low:0.0} to {100 * high:0.0} %"), large.GetProperty("interval").GetString());
        Assert.DoesNotContain("test top-1", data.GetProperty("facts").EnumerateArray().Select(fact => fact.GetProperty("name").GetString()));

        ReportPages.DrawsItself(_task["run/report.html"]);
        string again = RunReport.Remake(_task["run"]);
        Assert.Equal(page, File.ReadAllText(again));
    }

    [Fact]
    public void A_run_without_test_data_has_curves_alone()
    {
        TrainingRun.Execute(Recipe.Load(_task.Recipe, ["data.test=null"]), _task["run"], ExistingRun.Refuse, _ => { });
        JsonElement data = ReportPages.Data(File.ReadAllText(_task["run/report.html"]));
        Assert.Equal(JsonValueKind.Null, data.GetProperty("test").ValueKind);
        Assert.Equal(0, data.GetProperty("samples").GetArrayLength());
        Assert.Equal("validation top-1, 6 items", data.GetProperty("headline").GetProperty("name").GetString());
        Assert.StartsWith("95 % interval", data.GetProperty("headline").GetProperty("interval").GetString());
    }

    [Fact]
    public void A_run_that_was_stopped_has_a_page_of_the_epochs_that_it_did()
    {
        using CancellationTokenSource stop = new();
        Assert.Throws<TrainingStoppedException>(() => TrainingRun.Execute(Recipe.Load(_task.Recipe), _task["run"], ExistingRun.Refuse, record =>
        {
            if (record is EpochRecord { Epoch: 2 }) stop.Cancel();
        }, stop.Token));
        Assert.False(File.Exists(_task["run/report.html"]));
        JsonElement data = ReportPages.Data(File.ReadAllText(RunReport.Remake(_task["run"])));
        Assert.Equal(2, data.GetProperty("epochs").GetArrayLength());
        Assert.Equal("This run has not ended: 2 of 3 epochs are done, and the test data are not scored yet.", data.GetProperty("remarks")[0].GetString());
        Assert.Equal("validation top-1, the best epoch so far", data.GetProperty("headline").GetProperty("name").GetString());
        Assert.EndsWith("--resume", data.GetProperty("command").GetString());
        Assert.Equal(["epochs done", "last training loss", "seconds an epoch", "seed", "formula"], data.GetProperty("facts").EnumerateArray().Select(fact => fact.GetProperty("name").GetString()));
        ReportPages.DrawsItself(_task["run/report.html"]);
    }

    [Fact]
    public void Features_are_drawn_of_all_classes_also_where_they_take_turns_in_the_list()
    {
        TrainingRun.Execute(
            Recipe.Load(_task.Recipe, ["data.kind=synthetic-downstream", "data.train=40:1:16", "data.test=1000:2:16", "epochs=1"]), _task["run"], ExistingRun.Refuse, _ => { });
        JsonElement map = ReportPages.Data(File.ReadAllText(_task["run/report.html"])).GetProperty("map");
        Assert.Equal(RunReport.MapItems, map.GetProperty("labels").GetArrayLength());
        Assert.Equal(10, map.GetProperty("labels").EnumerateArray().Select(label => label.GetInt32()).Distinct().Count());
    }

    [Fact]
    public void Several_labels_a_picture_have_their_average_precision_and_no_confusion()
    {
        TrainingSummary summary = TrainingRun.Execute(
            Recipe.Load(_task.Recipe, ["data.kind=synthetic-multilabel", "data.train=48:1:16", "data.test=24:2:16", "epochs=1"]), _task["run"], ExistingRun.Refuse, _ => { });
        JsonElement data = ReportPages.Data(File.ReadAllText(_task["run/report.html"]));
        Assert.Equal(JsonValueKind.Null, data.GetProperty("test").ValueKind);
        JsonElement many = data.GetProperty("multi_label");
        Assert.Equal(summary.TestMap!.Value, many.GetProperty("map").GetDouble());
        Assert.Equal(summary.TestMap.Value, many.GetProperty("classes").EnumerateArray().Average(c => c.GetProperty("average_precision").GetDouble()), 9);
        Assert.Equal("test mAP, 24 items", data.GetProperty("headline").GetProperty("name").GetString());
        Assert.Matches("^95 % interval [0-9.]+ to [0-9.]+ %$", data.GetProperty("headline").GetProperty("interval").GetString());
        Assert.Equal(24, data.GetProperty("map").GetProperty("labels").GetArrayLength());
        string events = _task[$"run/tensorboard/{TensorBoardLog.FileName}"];
        Assert.All(["map/validation", "test/map"], tag => Assert.Contains(tag, Encoding.Latin1.GetString(File.ReadAllBytes(events)), StringComparison.Ordinal));
        JsonElement[] samples = [.. data.GetProperty("samples").EnumerateArray()];
        Assert.All(samples, sample => Assert.NotEmpty(sample.GetProperty("label").GetString()!));
        foreach (JsonElement sample in samples.Where(sample => sample.GetProperty("right").GetBoolean()))
            Assert.NotEmpty(sample.GetProperty("label").GetString()!.Split(", ").Intersect(sample.GetProperty("answer").GetString()!.Split(", ")));
        ReportPages.DrawsItself(_task["run/report.html"]);
        Assert.Equal(_task["run/report.html"], RunReport.Remake(_task["run"]));
    }

    [Fact]
    public void Names_cannot_end_the_data_of_a_page()
    {
        ReportData data = new("</script><b>", "command", [], [], ["</script>", "<!--"], null, null, null, [], null, null);
        string page = ReportPage.Html(data);
        Assert.Equal("</script>", ReportPages.Data(page).GetProperty("classes")[0].GetString());
        Assert.Equal(3, Regex.Count(page, "</script>"));
    }

    [Fact]
    public void Calibration_weighs_steps_by_their_number()
    {
        Answer[] answers = [new(0, 0, 0.95f, true), new(0, 1, 0.95f, false), new(1, 1, 0.55f, true), new(-1, 0, 0.5f, false)];
        TestReport test = RunReport.Test(answers, new TrainingSummary(50, null, null, 4, 1, null, 1, 1, 1, 1, 1, 1, 1, null, 0));
        Assert.Equal(1, test.Unreadable);
        Assert.Equal([[0, 0, 1], [0, 1, 1], [1, 1, 1]], test.Confusion);
        Assert.Equal(((2 * 0.45) + (1 * 0.45)) / 3, test.CalibrationError, 1e-6);
    }
}
