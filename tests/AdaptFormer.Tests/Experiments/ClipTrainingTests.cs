using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class ClipTrainingTests : IDisposable
{
    private readonly TinyClips _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void A_video_model_learns_from_folders_of_frames()
    {
        (TrainingSummary summary, EpochRecord[] epochs) = Run("run");
        Assert.True(epochs[^1].TrainLoss < 0.7 * epochs[0].TrainLoss, $"{epochs[0].TrainLoss} to {epochs[^1].TrainLoss}");
        Assert.Equal(100, summary.TestTop1);
        Assert.Equal(6, summary.TestImages);       // clips, not views
    }

    [Fact]
    public void Several_views_of_a_clip_are_scored_as_one()
    {
        (TrainingSummary summary, _) = Run("run", "data.clip.segments=2", "data.clip.crops=3");
        Assert.Equal(6, summary.TestImages);
        Assert.Equal(100, summary.TestTop1);
    }

    [Fact]
    public void A_clip_that_cannot_be_read_is_an_error_in_training_and_wrong_in_the_score()
    {
        string frame = Directory.GetFiles(_task["test/bright0"]).Order().ElementAt(2);
        File.WriteAllText(frame, "no picture");
        (TrainingSummary summary, _) = Run("scored");
        Assert.Equal(6, summary.TestImages);
        Assert.Equal(100 * 5 / 6.0, summary.TestTop1!.Value, 1e-9);

        foreach (string picture in Directory.GetFiles(_task["train/dark0"])) File.WriteAllText(picture, "no picture");
        Assert.Contains("dark0", Assert.Throws<InvalidDataException>(() => Run("trained")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clip_that_is_not_there_is_left_out_where_the_recipe_says_so()
    {
        Directory.Delete(_task["test/bright0"], recursive: true);
        Assert.Equal((6, Math.Round(100 * 5 / 6.0, 9)), Scored("error"));
        Assert.Equal((5, 100.0), Scored("leave_out"));

        (int, double) Scored(string missing)
        {
            List<RunRecord> records = [];
            TrainingSummary summary = TrainingRun.Execute(Recipe.Load(_task["recipe.json"], [$"data.missing={missing}"]), _task[missing], ExistingRun.Refuse, records.Add);
            Assert.Equal(missing == "leave_out", records.OfType<WarningRecord>().Any(warning => warning.Message.Contains("1 of 6 items are not there", StringComparison.Ordinal)));
            return (summary.TestImages, Math.Round(summary.TestTop1!.Value, 9));
        }
    }

    [Fact]
    public void Pictures_for_a_video_model_are_refused() =>
        Assert.Contains("has pictures, and the model reads clips", Assert.Throws<ArgumentException>(() => Run("run", "data.kind=folder")).Message, StringComparison.Ordinal);

    private (TrainingSummary Summary, EpochRecord[] Epochs) Run(string name, params string[] settings)
    {
        List<RunRecord> records = [];
        TrainingSummary summary = TrainingRun.Execute(Recipe.Load(_task.Recipe, settings), _task[name], ExistingRun.Refuse, records.Add);
        return (summary, [.. records.OfType<EpochRecord>()]);
    }
}
