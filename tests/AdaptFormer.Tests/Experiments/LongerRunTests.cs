using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>Runs that end before their last epoch, and runs that go on after it.</summary>
public sealed class LongerRunTests : IDisposable
{
    private readonly TinyTask _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void Training_stops_when_no_epoch_was_better_for_as_long_as_early_stopping_allows()
    {
        Recipe still = Read("epochs=9", "early_stopping=2", "optimizer.lr=0");      // nothing is learned: the first epoch stays the best
        TrainingSummary summary = Run(still, "still");
        Assert.Equal((1, 3), (summary.BestEpoch, summary.StoppedAfter));
        Assert.Equal(3, Log("still").Count);

        List<RunRecord> seen = [];
        TrainingSummary again = Run(still, "still", ExistingRun.Resume, seen.Add);
        Assert.Empty(seen.OfType<EpochRecord>());                                   // it had ended
        Assert.Equal(summary.TestLoss, again.TestLoss);

        TrainingSummary patient = Run(Read("epochs=9", "early_stopping=4", "optimizer.lr=0"), "still", ExistingRun.Resume);
        Assert.Equal((1, 5), (patient.BestEpoch, patient.StoppedAfter));            // more patience is no other run
        Assert.Null(Run(Read("epochs=3", "early_stopping=3"), "learns").StoppedAfter);
    }

    [Fact]
    public void Early_stopping_waits_for_an_epoch_that_was_evaluated()
    {
        TrainingSummary summary = Run(Read("epochs=9", "early_stopping=1", "evaluate_every=3", "optimizer.lr=0"), "seldom");
        Assert.Equal((3, 6), (summary.BestEpoch, summary.StoppedAfter));
    }

    [Fact]
    public void Early_stopping_without_validation_data_is_refused() =>
        Assert.Contains("early_stopping is 2; expected null, or validation data", Assert.Throws<RecipeException>(() => Read("early_stopping=2", "data.validation_fraction=0")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_finished_run_goes_on_for_more_epochs_on_the_schedule_of_the_new_length()
    {
        Run(Read("epochs=2"), "run");
        List<RunRecord> seen = [];
        bool reopened = false;
        TrainingSummary longer = Run(Read("epochs=4"), "run", ExistingRun.Resume, record =>
        {
            seen.Add(record);
            if (record is EpochRecord { Epoch: 3 }) reopened = !File.Exists(_task["run/summary.json"]);
        });
        Assert.True(reopened);                                                      // an outcome of two epochs is none of a run of four
        Assert.Equal([3, 4], seen.OfType<EpochRecord>().Select(record => record.Epoch));
        Assert.Contains(seen.OfType<WarningRecord>(), record => record.Message.Contains("was to have 2 epochs and now has 4", StringComparison.Ordinal));
        Assert.Equal([1, 2, 3, 4], Log("run").Select(record => record.Epoch));

        Run(Read("epochs=4"), "whole");
        Assert.Equal([.. Log("whole").Skip(2).Select(record => record.Lr)], Log("run").Skip(2).Select(record => record.Lr));
        Assert.Equal(4, Read(_task["run/recipe.json"]).Epochs);
        Assert.True(longer.BestEpoch is >= 1 and <= 4);

        ArgumentException shorter = Assert.Throws<ArgumentException>(() => Run(Read("epochs=3"), "run", ExistingRun.Resume));
        Assert.Contains("has done 4 epochs and is to end after 3", shorter.Message, StringComparison.Ordinal);
        Assert.Equal(4, Recipe.Load(_task["run/recipe.json"]).Epochs);              // a refused call changes nothing
    }

    [Fact]
    public void Validation_data_of_their_own_choose_the_best_epoch()
    {
        _task.WritePictures("valid", each: 4, seed: 3);
        List<RunRecord> seen = [];
        string[] own = ["data.validation_fraction=0", $"data.validation={_task["valid"]}"];
        TrainingSummary summary = Run(Read(["epochs=2", .. own]), "own", ExistingRun.Refuse, seen.Add);
        StartRecord start = seen.OfType<StartRecord>().Single();
        Assert.Equal((24, 12, 15), (start.TrainImages, start.ValidationImages, start.TestImages));
        Assert.NotNull(summary.ValidationTop1);
        Assert.Contains("validation_fraction is 0.25; expected 0 beside data.validation", Assert.Throws<RecipeException>(() => Read(own[1])).Message, StringComparison.Ordinal);
    }

    private Recipe Read(params string[] overrides) => overrides is [var path] && path.EndsWith(".json", StringComparison.Ordinal)
        ? Recipe.Load(path)
        : Recipe.Load(_task.Recipe, ["workers=1", .. overrides]);

    private TrainingSummary Run(Recipe recipe, string folder, ExistingRun existing = ExistingRun.Refuse, Action<RunRecord>? report = null) =>
        TrainingRun.Execute(recipe, _task[folder], existing, report ?? (_ => { }));

    private IReadOnlyList<EpochRecord> Log(string folder)
    {
        using RunDirectory directory = RunDirectory.Open(_task[folder]);
        return directory.ReadLog();
    }
}
