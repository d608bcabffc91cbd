using System.Globalization;
using System.Text.RegularExpressions;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Every key of the golden files of losses: value and gradient.</summary>
public sealed partial class LossParityTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (var row in ParityCase.Files(ParitySuites.Losses))
            {
                foreach (string name in ParityCase.Open(row.Data).Names.Where(name => name.StartsWith("out/", StringComparison.Ordinal))) cases.Add(row.Data, name[4..]);
            }

            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Value_and_gradient_equal_the_reference(string file, string key)
    {
        foreach (string backend in new[] { CpuBackends.Managed, CpuBackends.OneDnnName })
        {
            using IDisposable _ = CpuBackends.Use(backend);
            using TensorScope scope = new();
            ParityCase golden = ParityCase.Open(file);
            double rtol = golden.Config.GetProperty("rtol").GetDouble();
            string input = key.Contains("extreme") ? "extreme_logits" : key.StartsWith("ce_", StringComparison.Ordinal) || key == "asl_single_label" ? "logits" : "multi_logits";
            using Parameter logits = Parameter.From(golden.Floats($"input/{input}"), new Shape(golden.Shape($"input/{input}")));
            logits.Trainable = true;
            using Tape tape = new(new Rng(0));

            Tensor loss = Loss(golden, key, (Parameter)tape.Watch(logits));
            ParityCase.AssertClose(key, golden.Floats($"out/{key}"), loss.ToArray(), rtol);

            // The reference summed losses that were not reduced before it went backwards.
            tape.Backward(loss.Length == 1 ? loss : loss.Dot(Tensor.Full(loss.Shape, 1)));
            ParityCase.AssertClose($"gradient of {key}", golden.Floats($"grad/{key}"), logits.Grad!.ToArray(), rtol);
        }
    }

    private static Tensor Loss(ParityCase golden, string key, Tensor logits)
    {
        Tensor Targets(string name) => Tensor.From(golden.Floats($"input/{name}"), new Shape(golden.Shape($"input/{name}")));
        string last = key[(key.LastIndexOf('_') + 1)..];
        LossReduction reduction = last switch { "sum" => LossReduction.Sum, "none" => LossReduction.None, _ => LossReduction.Mean };
        if (key == "ce_soft_mean") return logits.SoftmaxCrossEntropy(Targets("soft_target"));
        if (key == "ce_ignore_mean") return logits.SoftmaxCrossEntropy(golden.Ints("input/target_ignore"));
        if (key == "bce_extreme_sum") return logits.BinaryCrossEntropy(Targets("extreme_target"), reduction);
        if (key == "asl_extreme") return logits.AsymmetricLoss(Targets("extreme_target"));
        if (key == "asl_single_label") return logits.AsymmetricSingleLabelLoss(golden.Ints("input/target"));
        if (CrossEntropy().Match(key) is { Success: true } smooth) return logits.SoftmaxCrossEntropy(golden.Ints("input/target"), Number(smooth, 1), reduction);
        if (key is "bce_mean" or "bce_sum" or "bce_none") return logits.BinaryCrossEntropy(Targets("multi_target"), reduction);
        if (Asymmetric().Match(key) is { Success: true } asl)
        {
            return logits.AsymmetricLoss(Targets("multi_target"), new AsymmetricLossSettings(
                Number(asl, 1), Number(asl, 2), Number(asl, 3), FocalGradient: asl.Groups[4].Value == "fullgrad"));
        }

        throw new InvalidDataException($"no loss is known for key '{key}'");
    }

    private static float Number(Match match, int group) => float.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("^ce_ls([0-9.]+)_(mean|sum|none)$")]
    private static partial Regex CrossEntropy();

    [GeneratedRegex("^asl_gn([0-9.]+)_gp([0-9.]+)_clip([0-9.]+)_(stopgrad|fullgrad)$")]
    private static partial Regex Asymmetric();
}
