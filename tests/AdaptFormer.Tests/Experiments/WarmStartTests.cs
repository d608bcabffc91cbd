using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class WarmStartTests : IDisposable
{
    private readonly TinyTask _task = new();

    public WarmStartTests() => First = Run("first", "epochs=3").Summary.Adapter!;

    private string First { get; }

    public void Dispose() => _task.Dispose();

    [Fact]
    public void The_same_classes_take_the_head_too_so_nothing_is_lost()
    {
        (TrainingSummary summary, List<RunRecord> seen) = Run("on", $"from={First}", "epochs=1", "optimizer.lr=0");
        using RunDirectory before = RunDirectory.Open(_task["first"]);
        Assert.Equal(before.ReadSummary()!.TestTop1, summary.TestTop1);
        Assert.Equal(First, before.AdapterPath);
        Assert.Contains(seen.OfType<WarningRecord>(), record => record.Message.Contains("its head included", StringComparison.Ordinal));
    }

    [Fact]
    public void Other_classes_get_a_fresh_head_and_that_is_said()
    {
        Directory.Move(_task["train/dark"], _task["train/night"]);
        Directory.Move(_task["test/dark"], _task["test/night"]);
        (_, List<RunRecord> seen) = Run("other", $"from={First}", "epochs=1");
        Assert.Contains(seen.OfType<WarningRecord>(), record => record.Message.Contains("with a fresh head: it knows 3 classes (bright, dark, striped), the data have 3 classes (bright, night, striped)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tuning.method=vpt", "holds what adaptformer learned, and vpt is to be trained")]
    [InlineData("tuning.bottleneck=2", "has other shapes than what is to be trained: blocks.0.")]
    public void Another_method_or_shape_is_refused_by_name_and_leaves_no_run(string change, string expected)
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => Run("refused", $"from={First}", change));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_task["refused"]));
        Assert.Throws<FileNotFoundException>(() => Run("refused", "from=nowhere.safetensors"));
    }

    [Fact]
    public void Other_weights_of_the_backbone_are_said()
    {
        string other = _task.SaveBackbone("other.safetensors", seed: 9);
        (_, List<RunRecord> seen) = Run("weights", $"from={First}", $"model.weights={other}", "epochs=1");
        Assert.Contains(seen.OfType<WarningRecord>(), record => record.Message.Contains("was trained on other weights of tiny", StringComparison.Ordinal));
    }

    [Fact]
    public void A_resumed_run_goes_on_from_its_checkpoint_and_needs_the_adapter_no_more()
    {
        string copy = _task["copy.safetensors"];
        File.Copy(First, copy);
        (TrainingSummary whole, _) = Run("whole", $"from={copy}", "epochs=2");
        File.Delete(copy);
        TrainingSummary again = TrainingRun.Execute(Read($"from={copy}", "epochs=2"), _task["whole"], ExistingRun.Resume, _ => { });
        Assert.Equal(whole.TestLoss, again.TestLoss);
    }

    private Recipe Read(params string[] overrides) => Recipe.Load(_task.Recipe, ["workers=1", .. overrides]);

    private (TrainingSummary Summary, List<RunRecord> Seen) Run(string folder, params string[] overrides)
    {
        List<RunRecord> seen = [];
        return (TrainingRun.Execute(Read(overrides), _task[folder], ExistingRun.Refuse, seen.Add), seen);
    }
}
