using System.Text.Json;
using AdaptFormer.Data.Loading;
using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Whole runs of the original through the trainer itself: a rate for every iteration, accumulated batches, norms that move with each of them, an evaluation after every epoch.</summary>
public sealed class TrainLoopParityTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
            {
                foreach (var row in ParityCase.Files(ParitySuites.TrainLoops)) cases.Add(row.Data, backend);
            }

            foreach (var row in ParityCase.Files(ParitySuites.TrainLoops).Take(1)) cases.Add(row.Data, CpuBackends.Checking);
            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void A_run_equals_the_originals(string file, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        ParityCase golden = ParityCase.Open(file);
        using Backbone model = VitCase.Build(golden);
        double rtol = golden.Config.GetProperty("rtol").GetDouble();
        JsonElement train = golden.Config.GetProperty("train");
        int epochs = train.GetProperty("epochs").GetInt32(), batches = train.GetProperty("batches_per_epoch").GetInt32();
        int batch = train.GetProperty("batch_size").GetInt32(), accumulate = train.GetProperty("accum_iter").GetInt32();
        Rates rates = new(new CosineSchedule(train.GetProperty("warmup_epochs").GetDouble(), train.GetProperty("min_lr").GetDouble()), []);
        SgdOptions sgd = new(Lr: train.GetProperty("lr").GetDouble(), Momentum: train.GetProperty("momentum").GetDouble(), WeightDecay: train.GetProperty("weight_decay").GetDouble());
        AccumulateRest rest = train.TryGetProperty("rest", out JsonElement named) && named.GetString() == "step" ? AccumulateRest.Step : AccumulateRest.Drop;      // the authors' loop drops
        Assert.Equal(golden.Config.GetProperty("trainable").GetArrayLength(), model.TrainableParameters().Count());

        int[] order = golden.Ints("input/order"), all = [.. Enumerable.Range(0, golden.Shape("input/x")[0])];
        GoldenBatches source = new(golden, batch, batches, epoch => order.AsSpan((epoch - 1) * batches * batch, batches * batch).ToArray()), whole = new(golden, all.Length, 1, _ => all);
        List<double> losses = [], evalLosses = [], evalTop1 = [];
        double before = 0;
        using Trainer trainer = new(model, new TrainerOptions(epochs, sgd, rates, Accumulate: accumulate, AccumulateRest: rest));
        trainer.Progress = record =>
        {
            // The record has the mean of the epoch so far.
            if (record.Step == 1) before = 0;
            double sum = record.Loss * record.Step;
            losses.Add(sum - before);
            before = sum;
        };
        trainer.EpochDone = (_, _) =>
        {
            Scores scores = Evaluator.Run(model, whole, null, TestContext.Current.CancellationToken)!;
            evalLosses.Add(scores.Loss);
            evalTop1.Add(scores.Top1);
        };
        trainer.Fit(source, validation: null, TestContext.Current.CancellationToken);

        double[] each = [.. Enumerable.Range(0, epochs * batches).Select(i => rates.Seen[(i / batches * ((batches + accumulate - 1) / accumulate)) + (i % batches / accumulate)])];
        ParityCase.AssertClose("lr", golden.Doubles("out/lr"), each, 1e-9);
        ParityCase.AssertClose("loss", golden.Doubles("out/loss"), losses, rtol);
        ParityCase.AssertClose("eval_loss", golden.Doubles("out/eval_loss"), evalLosses, rtol);
        ParityCase.AssertClose("eval_acc1", golden.Doubles("out/eval_acc1"), evalTop1, 1e-6);
        ParityCase.AssertClose("logits_final", golden.Floats("out/logits_final"), model.Forward(GoldenBatches.Rows(golden, all).Pixels).ToArray(), rtol);
        Dictionary<string, StateDict.Weight> final = NameMaps.OfficialAdaptFormer.ToTheirs(StateDict.Of(model)).Weights.ToDictionary();
        string[] names = [.. golden.Names.Where(name => name.StartsWith("final/", StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        foreach (string name in names) ParityCase.AssertClose(name, golden.Floats(name), final[name["final/".Length..]].ToArray(), rtol);
    }

    /// <summary>A schedule that remembers what it was asked.</summary>
    private sealed record Rates(Schedule Inner, List<double> Seen) : Schedule
    {
        public override StepRate At(long step, ScheduledRun run)
        {
            StepRate rate = Inner.At(step, run);
            Seen.Add(rate.Lr);
            return rate;
        }

        public override void Check(RecipeCheck check) => Inner.Check(check);
    }

    /// <summary>The file's samples in the order of the original run.</summary>
    private sealed class GoldenBatches(ParityCase golden, int batch, int batches, Func<int, int[]> rows) : BatchSource
    {
        public override LoaderOptions Options { get; } = new(batch);

        public override int BatchesPerEpoch => batches;

        public override int SamplesPerEpoch => batch * batches;

        public override int Views => 1;

        public override TimeSpan WaitTime => TimeSpan.Zero;

        public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0) => rows(epoch).Chunk(batch).Skip(from).Select(chunk => new GoldenBatch(Rows(golden, chunk)));

        public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => model.Forward(input, observe);

        public static (Tensor Pixels, int[] Labels) Rows(ParityCase golden, int[] rows)
        {
            int[] shape = golden.Shape("input/x"), labels = golden.Ints("input/target");
            float[] all = golden.Floats("input/x");
            int size = all.Length / shape[0];
            float[] pixels = [.. rows.SelectMany(row => all.AsSpan(row * size, size).ToArray())];
            return (Tensor.From(pixels, new Shape([rows.Length, .. shape[1..]])), [.. rows.Select(row => labels[row])]);
        }
    }

    private sealed class GoldenBatch((Tensor Pixels, int[] Labels) rows) : InputBatch
    {
        public override Tensor Input => rows.Pixels;

        public override ReadOnlySpan<int> Labels => rows.Labels;

        public override void Dispose() => rows.Pixels.Dispose();
    }
}
