using System.Text.Json;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Reports;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Reports;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class ExperimentTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public void Rows_are_chosen_on_validation_data_and_the_test_data_are_opened_at_the_end()
    {
        List<ExperimentRecord> seen = [];
        ExperimentResult result = Run("table", Plan(TestRows.All, [0, 1]), seen.Add);
        Assert.Equal(4, seen.OfType<TrialRecord>().Count());
        int firstTest = seen.FindIndex(record => record is StageRecord { Message: var text } && text.StartsWith("test data", StringComparison.Ordinal));
        Assert.True(firstTest > seen.FindLastIndex(record => record is TrialRecord));
        Assert.All(result.Rows.SelectMany(row => row.Trials), trial => Assert.Null(RunDirectory.Open(Path.Combine(task["table"], trial.Folder)).ReadRecipe().Data.Test));
        Assert.Equal("paired_bootstrap", result.Significance);
        RowResult best = result.Rows.First(row => row.Name == result.Best);
        Assert.Equal(result.Rows.Max(row => row.Validation!.Mean), best.Validation!.Mean);
        Assert.Null(best.ToBest);
        foreach (RowResult other in result.Rows.Where(row => row != best)) Assert.Equal(other.Test!.Mean - best.Test!.Mean, other.ToBest!.Points, 9);

        TestAnswers answers = TestAnswers.Read(Path.Combine(task["table"], best.Trials[0].Test!.Answers));
        Assert.Equal(15, answers.Right.Length);
        Assert.Equal(best.Trials[0].Test!.Top1, 100.0 * answers.Right.Count(right => right) / 15, 9);
        Assert.All(answers.Right.Select((right, i) => (right, i)), pair => Assert.Equal(pair.right, answers.Predicted[pair.i] == answers.Labels[pair.i]));
        Assert.Equal(Figures(result), Figures(ExperimentResult.Read(Path.Combine(task["table"], "comparison.json"))));

        string page = File.ReadAllText(task["table/report.html"]);
        Assert.DoesNotMatch("(src|href)=\"?http", page);
        JsonElement data = ReportPages.Data(page);
        Assert.Equal(result.Rows.Select(row => row.Name), data.GetProperty("recipes").EnumerateObject().Select(recipe => recipe.Name));
        Assert.Equal("linear", data.GetProperty("recipes").GetProperty("linear").GetProperty("tuning").GetProperty("method").GetString());
        Assert.Equal(best.Test!.Mean, data.GetProperty("result").GetProperty("rows").EnumerateArray().First(row => row.GetProperty("name").GetString() == best.Name).GetProperty("test").GetProperty("mean").GetDouble());
        Assert.All(result.Rows.SelectMany(row => row.Trials), trial => Assert.True(File.Exists(task[$"table/{trial.Folder}/report.html"]), trial.Folder));
        Assert.Equal(page, File.ReadAllText(ExperimentReport.Remake(task["table"])));
        ReportPages.DrawsItself(task["table/report.html"]);
    }

    [Fact]
    public void Methods_on_several_labels_are_compared_by_their_mean_average_precision()
    {
        string[] many = ["data.kind=synthetic-multilabel", "data.train=48:1:16", "data.test=24:2:16", "epochs=2"];
        ExperimentPlan plan = new("comparison", [Row("adapter", many), Row("linear", [.. many, "tuning.method=linear"])], [0], TestRows.All);
        ExperimentResult result = Run("many", plan);
        Assert.True(result.MultiLabel);
        Assert.Null(result.Significance);
        foreach (RowResult row in result.Rows)
        {
            Assert.Equal(row.Trials[0].Summary!.ValidationMap, row.Validation!.Mean);
            Assert.Equal(row.Trials[0].Test!.Map, row.Test!.Mean);
            TestAnswers answers = TestAnswers.Read(Path.Combine(task["many"], row.Trials[0].Test!.Answers));
            Assert.Equal(row.Trials[0].Test!.Top1, 100.0 * answers.Right.Count(right => right) / 24, 9);
        }

        JsonElement shown = ReportPages.Data(File.ReadAllText(task["many/report.html"]));
        Assert.Equal("mAP", shown.GetProperty("metric").GetString());
        Assert.Matches("^test mAP of ", shown.GetProperty("headline").GetProperty("name").GetString());
        ReportPages.DrawsItself(task["many/report.html"]);
    }

    [Fact]
    public void Stopped_after_any_trial_and_begun_again_it_ends_with_the_same_table()
    {
        ExperimentResult whole = Run("whole", Plan(TestRows.All, [0, 1]));
        int trained = 0;
        for (int stop = 0; stop < 4; stop++)
        {
            // In the first epoch of each call's second trial, or, at last, never.
            using CancellationTokenSource cancellation = new();
            int fresh = 0;
            void Stop(ExperimentRecord record)
            {
                if (record is TrialRecord { Kept: false }) (fresh, trained) = (fresh + 1, trained + 1);
                if (fresh == 1 && record is TrialProgress { Report: EpochRecord }) cancellation.Cancel();
            }

            if (stop < 3) Assert.ThrowsAny<OperationCanceledException>(() => Run("pieces", Plan(TestRows.All, [0, 1]), Stop, cancellation: cancellation.Token));
            else Assert.Equal(Figures(whole), Figures(Run("pieces", Plan(TestRows.All, [0, 1]), Stop)));
        }

        Assert.Equal(4, trained);
    }

    [Fact]
    public void Halving_keeps_to_its_plan_and_chooses_the_best_of_the_last_round()
    {
        string path = task.Recipe;
        ExperimentPlan plan = new("sweep", SweepRows.Of(path, [], new SearchSpace([GridAxis.Parse("tuning.bottleneck=1,2"), GridAxis.Parse("tuning.scale=0.1,0.5")], [])), [0, 1], TestRows.Best);
        HalvingPlan halving = HalvingPlan.Create(4, 3, 0.6);
        ExperimentResult result = Run("halved", plan, halving: halving);
        Assert.Equal(2 * halving.Cost, result.Halving!.Epochs);      // under either seed
        Assert.Equal(24, result.Halving.GridEpochs);
        Assert.Equal(halving.Rungs, result.Halving.Rungs.Select(rung => new Rung(rung.Rows.Count, rung.Epochs)));
        foreach ((RungResult rung, RungResult next) in result.Halving.Rungs.Zip(result.Halving.Rungs.Skip(1)))
        {
            string[] byLoss = [.. rung.Rows.OrderBy(row => row.Trials.Average(trial => trial.ValidationLoss)).Select(row => row.Name)];
            Assert.Equal(byLoss.Take(next.Rows.Count).Order(), next.Rows.Select(row => row.Name).Order());
        }

        Assert.Equal(result.Halving.Rungs[^1].Rows[0].Name, result.Best);
        Assert.Equal(result.Rows.First(row => row.Name == result.Best).Values, result.Halving.Chosen);
        Assert.Single(result.Rows, row => row.Test is not null);
        ReportPages.DrawsItself(task["halved/report.html"]);
    }

    [Fact]
    public void A_training_that_diverges_is_a_row_without_figures_and_the_others_stay()
    {
        PlannedRow[] rows = [Row("good"), Row("bad", "optimizer.lr=1e30", "schedule.name=constant", "batch=32")];
        ExperimentResult result = Run("diverged", new ExperimentPlan("comparison", rows, [0], TestRows.All));
        Assert.Equal("good", result.Best);
        Assert.Contains("training has diverged", result.Rows[1].Failure);
        Assert.Null(result.Rows[1].Validation);
        Assert.NotNull(result.Rows[0].Test);
    }

    [Fact]
    public void A_row_with_several_candidates_becomes_the_best_of_them()
    {
        PlannedRow row = new("tuned", [.. ((string[])["0.000001", "0.1"]).Select(lr => new Candidate([new Setting("optimizer.lr", lr)], Load($"optimizer.lr={lr}", "epochs=6")))]);
        ExperimentResult result = Run("candidates", new ExperimentPlan("comparison", [row], [0], TestRows.None));
        Assert.Equal(2, result.Rows[0].Candidates!.Count);
        Assert.Equal(result.Rows[0].Candidates!.Max(c => c.Validation!.Mean), result.Rows[0].Validation!.Mean);
    }

    [Fact]
    public void Rows_with_other_test_data_or_of_one_name_are_refused()
    {
        Assert.Contains("same test data", Assert.Throws<ArgumentException>(() => new ExperimentPlan("comparison", [Row("a"), Row("b", "data.test=elsewhere")], [0], TestRows.All).Check()).Message);
        Assert.Contains("at least one seed, each once", Assert.Throws<ArgumentException>(() => new ExperimentPlan("comparison", [Row("a")], [], TestRows.All).Check()).Message);
        Assert.Contains("at least one seed, each once", Assert.Throws<ArgumentException>(() => new ExperimentPlan("comparison", [Row("a")], [1, 2, 1], TestRows.All).Check()).Message);
        Assert.Contains("name them apart", Assert.Throws<ArgumentException>(() => new ExperimentPlan("comparison", [Row("a"), Row("a")], [0], TestRows.All).Check()).Message);
        Assert.Contains("epochs is 3 there and 4 here", Assert.Single(new ExperimentPlan("comparison", [Row("a"), Row("b", "epochs=4")], [0], TestRows.All).Warnings()));
    }

    private ExperimentResult Run(
        string folder, ExperimentPlan plan, Action<ExperimentRecord>? report = null, HalvingPlan? halving = null, CancellationToken cancellation = default)
    {
        using TrialStore store = TrialStore.Open(task[folder]);
        InProcessHost host = new();
        report ??= _ => { };
        Experiment experiment = new(plan, store, new TrialScheduler(store, host, TrialSlots.Here(host), report), report);
        return halving is null ? experiment.Run(cancellation) : experiment.Halve(halving, cancellation);
    }

    private ExperimentPlan Plan(TestRows test, long[] seeds) => new("comparison", [Row("adapter"), Row("linear", "tuning.method=linear")], seeds, test);

    private PlannedRow Row(string name, params string[] edits) => new(name, [new Candidate([], Load(edits))]);

    private Recipe Load(params string[] edits) => Recipe.Load(task.Recipe, edits);

    // Everything but times and memory.
    private static IEnumerable<string> Figures(ExperimentResult result) => result.Rows.Select(row => string.Join('|',
        row.Name, string.Join(',', row.Validation!.Values), string.Join(',', row.Test!.Values), row.ToBest, row.TrainableParameters, row.AdapterBytes, result.Best,
        string.Join(',', row.Trials.SelectMany(trial => trial.Epochs.Select(epoch => epoch.TrainLoss)))));
}
