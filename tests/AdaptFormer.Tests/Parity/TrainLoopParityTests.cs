using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Whole runs of the original: a rate for every iteration, accumulated batches, norms that move with each of them, an evaluation after every epoch.</summary>
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

            cases.Add(ParityCase.Files(ParitySuites.TrainLoops).First().Data, CpuBackends.Checking);
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
        CosineSchedule schedule = new(train.GetProperty("warmup_epochs").GetDouble(), train.GetProperty("min_lr").GetDouble());
        ScheduledRun run = new(train.GetProperty("lr").GetDouble(), epochs, batches / accumulate);

        using FlatParameters flat = new(model.TrainableParameters());
        Assert.Equal(golden.Config.GetProperty("trainable").GetArrayLength(), flat.Segments.Count);
        Sgd sgd = new(
            [.. flat.Segments.Select(s => new ParameterSegment(s.Name, s.Offset, (int)s.Parameter.Length, s.Parameter.Shape.Rank))],
            new SgdOptions(Momentum: train.GetProperty("momentum").GetDouble(), WeightDecay: train.GetProperty("weight_decay").GetDouble()));

        int[] order = golden.Ints("input/order");
        List<double> losses = [], rates = [], evalLosses = [], evalTop1 = [];
        for (int iteration = 0; iteration < epochs * batches; iteration++)
        {
            using TensorScope step = new();
            using Tape tape = new(new Rng(iteration));
            if (iteration % accumulate == 0) flat.ZeroGradients();
            double lr = schedule.At(iteration / accumulate, run).Lr;
            (Tensor pixels, int[] labels) = Rows(golden, order.AsSpan(iteration * batch, batch));
            Tensor loss = model.Forward(tape.Watch(pixels)).SoftmaxCrossEntropy(labels);
            losses.Add(loss.Item());
            rates.Add(lr);
            tape.Backward(loss, 1f / accumulate);
            if ((iteration + 1) % accumulate == 0)
            {
                sgd.Step(flat.Values, flat.Gradients, lr);
                flat.Changed();
            }

            if ((iteration + 1) % batches != 0) continue;
            (Tensor all, int[] targets) = Rows(golden, [.. Enumerable.Range(0, golden.Shape("input/x")[0])]);
            Evaluator evaluator = new();
            evaluator.Add(model.Forward(all), targets);
            evalLosses.Add(evaluator.Scores.Loss);
            evalTop1.Add(evaluator.Scores.Top1);
            if (evalLosses.Count == epochs) ParityCase.AssertClose("logits_final", golden.Floats("out/logits_final"), model.Forward(all).ToArray(), rtol);
        }

        ParityCase.AssertClose("lr", golden.Doubles("out/lr"), rates, 1e-9);
        ParityCase.AssertClose("loss", golden.Doubles("out/loss"), losses, rtol);
        ParityCase.AssertClose("eval_loss", golden.Doubles("out/eval_loss"), evalLosses, rtol);
        ParityCase.AssertClose("eval_acc1", golden.Doubles("out/eval_acc1"), evalTop1, 1e-6);
        Dictionary<string, StateDict.Weight> final = NameMaps.OfficialAdaptFormer.ToTheirs(StateDict.Of(model)).Weights.ToDictionary();
        string[] names = [.. golden.Names.Where(name => name.StartsWith("final/", StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        foreach (string name in names) ParityCase.AssertClose(name, golden.Floats(name), final[name["final/".Length..]].ToArray(), rtol);
    }

    private static (Tensor Pixels, int[] Labels) Rows(ParityCase golden, ReadOnlySpan<int> rows)
    {
        int[] shape = golden.Shape("input/x"), labels = golden.Ints("input/target");
        float[] all = golden.Floats("input/x");
        int size = all.Length / shape[0];
        List<float> pixels = [];
        List<int> targets = [];
        foreach (int row in rows)
        {
            pixels.AddRange(all.AsSpan(row * size, size));
            targets.Add(labels[row]);
        }

        return (Tensor.From([.. pixels], new Shape([rows.Length, .. shape[1..]])), [.. targets]);
    }
}
