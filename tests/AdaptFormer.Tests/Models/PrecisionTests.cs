using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models;

/// <summary>What precision <c>auto</c> is, is decided when a run begins; whatever follows computes as the run did. The managed kernels stand for a machine that would choose float32.</summary>
public sealed class PrecisionTests : IDisposable
{
    private readonly TinyTask _task = new();
    private readonly IDisposable _machine = Backend.Use(CpuBackend.Managed);

    public void Dispose()
    {
        _machine.Dispose();
        _task.Dispose();
    }

    [Theory]
    [InlineData(Precision.Auto, Precision.Auto, Precision.Float32)]
    [InlineData(Precision.Auto, Precision.BFloat16, Precision.BFloat16)]
    [InlineData(Precision.Float32, Precision.BFloat16, Precision.Float32)]
    [InlineData(Precision.BFloat16, Precision.Float32, Precision.BFloat16)]
    public void What_was_recorded_counts_where_nothing_is_asked_for(Precision asked, Precision recorded, Precision used) => Assert.Equal(used, asked.Following(recorded));

    [Fact]
    public void A_run_records_what_auto_was()
    {
        TrainingSummary summary = TrainingRun.Execute(Read("precision=auto", "epochs=1"), _task["run"], ExistingRun.Refuse, _ => { });
        Assert.Equal("float32", summary.Precision);
        using RunDirectory run = RunDirectory.Open(_task["run"]);
        Assert.Equal(Precision.Float32, run.ReadRecipe().Precision);
        Assert.Equal("float32", run.ReadSummary()!.Precision);
        using WeightsFile checkpoint = WeightsFile.Open(run.CheckpointPath);
        Assert.Contains("\"precision\":\"float32\"", checkpoint.Metadata["state"], StringComparison.Ordinal);
        Assert.Contains("float32", File.ReadAllText(run.ReportPath), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_goes_on_as_it_began_on_a_machine_that_would_choose_otherwise_and_says_so()
    {
        byte[] whole = File.ReadAllBytes(TrainingRun.Execute(Read("precision=bfloat16"), _task["whole"], ExistingRun.Refuse, _ => { }).Adapter!);
        Stop("parts", "precision=bfloat16");
        List<RunRecord> seen = [];
        TrainingSummary summary = TrainingRun.Execute(Read("precision=auto"), _task["parts"], ExistingRun.Resume, seen.Add);
        Assert.Equal("bfloat16", summary.Precision);
        Assert.Equal(whole, File.ReadAllBytes(summary.Adapter!));
        Assert.Contains(seen.OfType<WarningRecord>(), warning => warning.Message.StartsWith("the run computes in bfloat16, which this machine would not choose", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_does_not_go_on_in_another_type_that_is_asked_for()
    {
        Stop("run", "precision=bfloat16");
        string message = Assert.Throws<ArgumentException>(() => TrainingRun.Execute(Read("precision=float32"), _task["run"], ExistingRun.Resume, _ => { })).Message;
        Assert.Contains("precision is \"bfloat16\" there and \"float32\" here", message, StringComparison.Ordinal);

        // A run of a version that did not record it: its checkpoint tells.
        string recipe = _task["run/recipe.json"];
        File.WriteAllText(recipe, File.ReadAllText(recipe).Replace("\"precision\": \"bfloat16\"", "\"precision\": \"auto\"", StringComparison.Ordinal));
        message = Assert.Throws<InvalidDataException>(() => TrainingRun.Execute(Read("precision=auto"), _task["run"], ExistingRun.Resume, _ => { })).Message;
        Assert.EndsWith("was trained in bfloat16 and the model computes in float32; go on with precision bfloat16 (--set precision=bfloat16).", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_and_a_run_answer_in_the_type_that_they_were_trained_in()
    {
        TrainingSummary summary = TrainingRun.Execute(Read("precision=bfloat16", "epochs=1"), _task["run"], ExistingRun.Refuse, _ => { });
        using Predictor adapter = Predictor.OpenAdapter(summary.Adapter!, _task.Backbone), asked = Predictor.OpenAdapter(summary.Adapter!, _task.Backbone, Precision.Float32);
        using Predictor run = Predictor.OpenRun(_task["run"]), auto = Predictor.OpenRun(_task["run"], Precision.Auto);
        Assert.Equal(
            (DataType.BFloat16, DataType.Float32, DataType.BFloat16, DataType.BFloat16),
            (adapter.Model.Compute, asked.Model.Compute, run.Model.Compute, auto.Model.Compute));
    }

    [Fact]
    public void Every_trial_of_an_experiment_computes_as_it_began()
    {
        Directory.CreateDirectory(_task["experiment/trials"]);
        File.WriteAllText(_task["experiment/precision.txt"], "bfloat16\n");      // begun on a machine that chose bfloat16
        ExperimentResult result = Compare("experiment");
        Assert.Equal(["bfloat16", "bfloat16"], result.Rows[0].Trials.Select(trial => trial.Summary!.Precision));
        result = Compare("fresh");
        Assert.Equal(["float32", "float32"], result.Rows[0].Trials.Select(trial => trial.Summary!.Precision));
        Assert.Equal("float32\n", File.ReadAllText(_task["fresh/precision.txt"]));
    }

    private ExperimentResult Compare(string folder)
    {
        using TrialStore store = TrialStore.Open(_task[folder]);
        InProcessHost host = new();
        ExperimentPlan plan = new("comparison", [new PlannedRow("row", [new Candidate([], Read("precision=auto", "epochs=1"))])], [0, 1], TestRows.All);
        return new Experiment(plan, store, new TrialScheduler(store, host, TrialSlots.Here(host), _ => { }), _ => { }).Run(TestContext.Current.CancellationToken);
    }

    private void Stop(string folder, string precision)
    {
        using CancellationTokenSource stop = new();
        Assert.Throws<TrainingStoppedException>(() => TrainingRun.Execute(Read(precision), _task[folder], ExistingRun.Refuse, record =>
        {
            if (record is ProgressRecord { Phase: "train", Epoch: 3 }) stop.Cancel();
        }, stop.Token));
    }

    private Recipe Read(params string[] overrides) => Recipe.Load(_task.Recipe, ["workers=1", .. overrides]);
}
