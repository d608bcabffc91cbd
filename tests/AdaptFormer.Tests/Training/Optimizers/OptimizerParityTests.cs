using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Training.Optimizers;

public sealed partial class OptimizerParityTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (var row in ParityCase.Files("optimizers"))
                foreach (JsonProperty optimizer in ParityCase.Open(row.Data).Config.GetProperty("optimizers").EnumerateObject())
                    cases.Add(row.Data, optimizer.Name);
            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Each_step_equals_the_reference(string file, string name)
    {
        ParityCase golden = ParityCase.Open(file);
        JsonElement settings = golden.Config.GetProperty("optimizers").GetProperty(name);
        string[] parameters = [.. golden.Names.Where(n => n.StartsWith("param/", StringComparison.Ordinal)).Select(n => n["param/".Length..])];
        ParameterSegment[] segments = Layout(golden, parameters);
        float[] values = new float[segments[^1].Start + segments[^1].Length];
        float[] gradients = new float[values.Length];
        for (int i = 0; i < parameters.Length; i++) golden.Floats($"param/{parameters[i]}").CopyTo(values, segments[i].Start);

        (Optimizer optimizer, Func<long, StepRate> rate) = Build(settings, segments);
        int steps = golden.Config.GetProperty("steps").GetInt32();
        double rtol = golden.Config.GetProperty("rtol").GetDouble();
        for (int step = 0; step < steps; step++)
        {
            foreach (ParameterSegment segment in segments)
                golden.Floats($"input/grad/{segment.Name}").AsSpan(step * segment.Length, segment.Length).CopyTo(gradients.AsSpan(segment.Start));
            (double lr, double? momentum) = rate(step);
            using TensorScope scope = new();
            Tensor trained = Tensor.From(values, new Shape(values.Length));
            optimizer.Step(trained, Tensor.From(gradients, trained.Shape), lr, momentum);
            values = trained.ToArray();
            foreach (ParameterSegment segment in segments)
            {
                float[] expected = golden.Floats($"out/{name}/{segment.Name}")[(step * segment.Length)..((step + 1) * segment.Length)];
                ParityCase.AssertClose($"{name}/{segment.Name} after step {step}", expected, values[segment.Start..(segment.Start + segment.Length)], rtol);
            }
        }
    }

    private static ParameterSegment[] Layout(ParityCase golden, string[] names)
    {
        List<ParameterSegment> segments = [];
        int start = 0;
        foreach (string name in names)
        {
            int[] shape = golden.Shape($"param/{name}");
            int length = shape.Aggregate(1, (a, b) => a * b);
            segments.Add(new ParameterSegment(name, start, length, shape.Length));
            start += length + 3; // a gap, as alignment leaves it
        }

        return [.. segments];
    }

    private static (Optimizer Optimizer, Func<long, StepRate> Rate) Build(JsonElement settings, ParameterSegment[] segments)
    {
        string kind = settings.GetProperty("cls").GetString()!;
        double lr = Number(settings, "lr", 0);
        Func<long, StepRate> constant = _ => new StepRate(lr);
        OptimizerOptions options = kind switch
        {
            "SGD" => new SgdOptions(
                WeightDecay: Number(settings, "weight_decay", 0), Momentum: Number(settings, "momentum", 0), Dampening: Number(settings, "dampening", 0),
                Nesterov: settings.TryGetProperty("nesterov", out JsonElement nesterov) && nesterov.GetBoolean()),
            "Adam" => new AdamOptions(
                WeightDecay: Number(settings, "weight_decay", 0), Beta1: Beta(settings, 0, 0.9), Beta2: Beta(settings, 1, 0.999), Eps: Number(settings, "eps", 1e-8)),
            "AdamW" => new AdamWOptions(
                WeightDecay: Number(settings, "weight_decay", 0.01), Beta1: Beta(settings, 0, 0.9), Beta2: Beta(settings, 1, 0.999), Eps: Number(settings, "eps", 1e-8)),
            "LARS" => new LarsOptions(
                WeightDecay: Number(settings, "weight_decay", 0), Momentum: Number(settings, "momentum", 0.9), TrustCoefficient: Number(settings, "trust_coefficient", 0.001)),
            _ when OneCycle().Match(kind) is { Success: true } => new AdamOptions(),
            _ => throw new InvalidDataException($"unknown optimizer {kind}"),
        };

        Match cycle = OneCycle().Match(kind);
        if (!cycle.Success) return (options.Create(segments), constant);
        ScheduledRun run = new(double.Parse(cycle.Groups[1].Value, CultureInfo.InvariantCulture), 1, int.Parse(cycle.Groups[2].Value, CultureInfo.InvariantCulture));
        return (options.Create(segments), step => new OneCycleSchedule().At(step, run));
    }

    private static double Number(JsonElement settings, string key, double otherwise) =>
        settings.TryGetProperty(key, out JsonElement value) ? value.GetDouble() : otherwise;

    private static double Beta(JsonElement settings, int index, double otherwise) =>
        settings.TryGetProperty("betas", out JsonElement betas) ? betas[index].GetDouble() : otherwise;

    [GeneratedRegex(@"^Adam \+ OneCycleLR\(max_lr=([0-9.e-]+), total_steps=(\d+), defaults\)$")]
    private static partial Regex OneCycle();
}
