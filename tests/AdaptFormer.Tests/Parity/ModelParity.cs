using System.Text.Json;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training.Optimizers;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Holds a model with its method against a golden file: intermediate results, loss, all gradients, three SGD steps and what they leave.</summary>
internal static class ModelParity
{
    private const double NearZero = 5e-5;

    private const string AllVariable = "ADAPTFORMER_GOLDEN_ON_CUDA";

    /// <summary>Every golden file of the named suites on every backend, and the first of each suite on the checking device and on the
    /// emulated card (there all, with <c>ADAPTFORMER_GOLDEN_ON_CUDA=all</c>); a folder of unseen cases need not have files of every
    /// suite.</summary>
    public static TheoryData<string, string> Cases(params ReadOnlySpan<string> prefixes)
    {
        TheoryData<string, string> cases = [];
        foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
        {
            foreach (string prefix in prefixes)
            {
                foreach (var row in ParityCase.Files(prefix)) cases.Add(row.Data, backend);
            }
        }

        foreach (string prefix in prefixes)
        {
            foreach (var row in ParityCase.Files(prefix).Take(1)) cases.Add(row.Data, CpuBackends.Checking);      // plain loops: one of each kind
            int onCard = Environment.GetEnvironmentVariable(AllVariable) == "all" ? int.MaxValue : 1;
            foreach (var row in ParityCase.Files(prefix).Take(onCard)) cases.Add(row.Data, CpuBackends.Cuda);
        }

        return cases;
    }

    /// <summary>All numbers of the file, in f32.</summary>
    /// <param name="golden">The file.</param>
    /// <param name="model">The model that it describes, with its weights.</param>
    /// <param name="arranged">A result of ours, of the given name, in the order of the file's; as it is where that is null.</param>
    /// <returns>How many results of the forward pass were compared.</returns>
    public static int Check(ParityCase golden, Backbone model, Func<string, Tensor, float[]?> arranged)
    {
        JsonElement rtol = golden.Config.GetProperty("rtol");
        double outTolerance = rtol.GetProperty("out").GetDouble();
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        int[] target = golden.Ints("input/target");

        HashSet<string> seen = [];
        Tensor logits = model.Forward(pixels, (name, value) =>
        {
            seen.Add($"out/{name}");
            if (golden.Names.Contains($"out/{name}")) ParityCase.AssertClose(name, golden.Floats($"out/{name}"), arranged(name, value) ?? value.ToArray(), outTolerance);
        });
        Assert.DoesNotContain(golden.Names, name => (name.StartsWith("out/block_", StringComparison.Ordinal) || name.StartsWith("out/layer_", StringComparison.Ordinal)) && !seen.Contains(name));
        ParityCase.AssertClose("loss_eval", golden.Floats("out/loss_eval"), logits.SoftmaxCrossEntropy(target).ToArray(), outTolerance);
        if (golden.Names.Contains("out/logits_backbone")) Assert.Equal(golden.Floats("out/logits_backbone"), golden.Floats("out/logits"));
        int compared = golden.Names.Count(seen.Contains);
        if (!golden.Names.Contains("out/step_losses")) return compared;

        TrainThreeSteps(golden, model, target, outTolerance, rtol.GetProperty("grad").GetDouble(), rtol.GetProperty("after").GetDouble());
        if (golden.Names.Contains("after3/logits"))
            ParityCase.AssertClose("after3/logits", golden.Floats("after3/logits"), model.Forward(pixels).ToArray(), rtol.GetProperty("after").GetDouble());
        return compared;
    }

    private static void TrainThreeSteps(ParityCase golden, Backbone model, int[] target, double outTolerance, double gradTolerance, double afterTolerance)
    {
        JsonElement settings = golden.Config.TryGetProperty("optimizer", out JsonElement given) ? given : default;
        double lr = settings.ValueKind == JsonValueKind.Object ? settings.GetProperty("lr").GetDouble() : 0.1;
        using FlatParameters flat = new(model.TrainableParameters());
        Sgd sgd = new([.. flat.Segments.Select(s => new ParameterSegment(s.Name, s.Offset, (int)s.Parameter.Length, s.Parameter.Shape.Rank))], new SgdOptions(Momentum: 0.9));
        string[] nearZero = [.. golden.Config.GetProperty("near_zero_grads").EnumerateArray().Select(name => name.GetString()!)];
        float[] stepLosses = golden.Floats("out/step_losses");
        for (int step = 0; step < stepLosses.Length; step++)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(step));
            foreach (string mask in golden.Names.Where(name => name.StartsWith("input/dropout_mask_", StringComparison.Ordinal)).Order())
                tape.GivenMasks.Enqueue(Tensor.From(golden.Floats(mask), new Shape(golden.Shape(mask))));
            // Given masks are for all tokens; otherwise the last block makes the class token alone, as in training.
            Tensor pixels = tape.Watch(Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x"))));
            Tensor logits = tape.GivenMasks.Count > 0 ? model.Forward(pixels, static (_, _) => { }) : model.Forward(pixels);
            Tensor loss = logits.SoftmaxCrossEntropy(target);
            Assert.InRange(loss.Item(), stepLosses[step] - (afterTolerance * (Math.Abs(stepLosses[step]) + 0.05)), stepLosses[step] + (afterTolerance * (Math.Abs(stepLosses[step]) + 0.05)));
            flat.ZeroGradients();
            tape.Backward(loss);
            if (step == 0)
            {
                ParityCase.AssertClose("loss", golden.Floats("out/loss"), loss.ToArray(), outTolerance);
                ParityCase.AssertClose("logits_train", golden.Floats("out/logits_train"), logits.ToArray(), outTolerance);
                CheckGradients(golden, model, nearZero, gradTolerance);
                CheckState(golden, model, "after1/", outTolerance);
            }

            sgd.Step(flat.Values, flat.Gradients, lr);
            flat.Changed();
        }

        CheckState(golden, model, "after3/", afterTolerance);
    }

    private static void CheckGradients(ParityCase golden, Backbone model, string[] nearZero, double tolerance)
    {
        StateDict gradients = new();
        foreach ((string name, Parameter parameter) in model.TrainableParameters()) gradients.Add(name, new StateDict.Weight(parameter.Shape, destination => parameter.Grad!.CopyTo(destination)));
        StateDict theirs = Theirs(golden, gradients);
        string[] expected = [.. golden.Names.Where(name => name.StartsWith("grad/", StringComparison.Ordinal)).Select(name => name[5..])];
        Assert.Equal(expected.Order(), theirs.Weights.Keys.Order());
        foreach (string name in expected)
        {
            float[] ours = theirs.Weights[name].ToArray();
            if (!nearZero.Contains(name)) ParityCase.AssertClose($"grad {name}", golden.Floats($"grad/{name}"), ours, tolerance);
            else Assert.All(golden.Floats($"grad/{name}").Zip(ours), pair => Assert.InRange(pair.Second - pair.First, -NearZero, NearZero));
        }
    }

    private static void CheckState(ParityCase golden, Backbone model, string prefix, double tolerance)
    {
        StateDict theirs = Theirs(golden, StateDict.Of(model));
        foreach (string name in golden.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name != prefix + "logits"))
            ParityCase.AssertClose(name, golden.Floats(name), theirs.Weights[name[prefix.Length..]].ToArray(), tolerance);
    }

    private static StateDict Theirs(ParityCase golden, StateDict ours)
    {
        bool split = golden.Names.Any(name => name.Contains("q_proj"));
        return (split ? NameMaps.OfficialAdaptFormer : NameMaps.Timm).ToTheirs(ours);
    }
}
