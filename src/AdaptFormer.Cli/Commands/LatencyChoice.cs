using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>describe --latency</c>: the paper's Tables 11 and 12 on this machine.</summary>
internal sealed class LatencyChoice
{
    private const string Train = "train", Predict = "predict";
    private const int PaperBatch = 32, RateRounds = 3;
    private static readonly string[] PaperMethods = ["full", "linear", "vpt", "adaptformer"];

    private readonly Option<bool> _latency = new("--latency")
    { Description = "Measure training steps and predictions of several methods here, as the paper's Tables 11 and 12 do." };
    private readonly Option<string[]> _methods = new("--methods")
    {
        Description = $"With --latency: methods and presets to compare; {string.Join(", ", PaperMethods)} and the described one if left "
            + "out.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<int> _trials = new("--trials")
    { Description = "With --latency: how often each is timed.", DefaultValueFactory = _ => 100 };
    private readonly Option<int[]> _batches = new("--batches")
    {
        Description = "With --latency: images of a prediction.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [1, 16, 32],
    };
    private readonly Option<string[]> _modes = new("--modes")
    {
        Description = "With --latency: what to measure: train, predict, or both.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [Train, Predict],
    };

    public LatencyChoice() => _modes.AcceptOnlyFromAmong(Train, Predict);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_latency, _methods, _trials, _batches, _modes]) command.Add(option);
    }

    /// <summary>Whether latency was asked for.</summary>
    /// <exception cref="ArgumentException">One of the other options was given without <c>--latency</c>.</exception>
    public bool IsWanted(ParseResult parsed)
    {
        if (parsed.GetValue(_latency)) return true;
        Option? stray =
            ((Option[])[_methods, _trials, _batches, _modes]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });
        return stray is null ? false : throw new ArgumentException($"describe: {stray.Name} belongs to --latency.");
    }

    /// <summary>Measures and shows.</summary>
    /// <param name="parsed">The call.</param>
    /// <param name="screen">Where to.</param>
    /// <param name="model">The backbone's sizes.</param>
    /// <param name="described">The method that is described.</param>
    /// <param name="byName">A method or preset by its name.</param>
    /// <param name="classes">K.</param>
    /// <param name="batch">Images of a training step; the paper's 32 if null.</param>
    /// <param name="json">Whether stdout holds JSON.</param>
    /// <param name="cancellation">Ends it between two calls.</param>
    public void Show(
        ParseResult parsed, Screen screen, Backbone model, Tuning described, Func<string, Tuning> byName, int classes, int? batch,
        bool json, CancellationToken cancellation)
    {
        if (parsed.GetValue(_trials) < 1) throw new ArgumentException($"--trials is {parsed.GetValue(_trials)}; expected at least 1.");
        if (parsed.GetValue(_batches)!.FirstOrDefault(b => b < 1, 1) is < 1 and var wrong)
            throw new ArgumentException($"--batches: {wrong} images are no batch; expected at least 1.");
        string[] modes = parsed.GetValue(_modes)!;
        NamedTuning[] methods = [.. Methods(parsed.GetValue(_methods) ?? [], screen, model, described, byName)];
        LatencyBenchmark benchmark = new(new LatencyOptions(
            model, methods, classes, modes.Contains(Train) ? batch ?? PaperBatch : null, modes.Contains(Predict)
                ? [.. parsed.GetValue(_batches)!.Distinct()] : [], parsed.GetValue(_trials)));
        double rate = MatMulRate.Measure(model.Compute, RateRounds);
        BufferPool.Trim();
        TimeSpan least = benchmark.Shortest(rate);
        if (!json) screen.Note($"{Trials(parsed.GetValue(_trials))} of {methods.Length} methods take "
            + $"{Format.Duration(least.TotalSeconds)} in matrix products alone; fewer: --trials N, --methods, --batches, --modes.");
        LatencyResult result = CountView.Show(screen, json, "timed calls", progress => benchmark.Run(progress, cancellation));
        if (json) screen.Json(JsonSerializer.Serialize(result, LatencyJson.Default.LatencyResult));
        else Show(screen, result);
    }

    private static IEnumerable<NamedTuning> Methods(
        string[] named, Screen screen, Backbone model, Tuning described, Func<string, Tuning> byName)
    {
        if (named.Length > 0)
        {
            foreach (string name in named.Distinct())
                yield return new NamedTuning(name, name == described.Method ? described : byName(name));
            yield break;
        }

        foreach (string name in PaperMethods.Append(described.Method).Distinct())
        {
            Tuning tuning = name == described.Method ? described : Tuning.Default(name);
            string? problem = name == described.Method ? null : Problem(tuning, model);
            if (problem is null) yield return new NamedTuning(name, tuning);
            else screen.Warn($"{name} is left out: {problem}");
        }
    }

    private static string? Problem(Tuning tuning, Backbone model)
    {
        try
        {
            tuning.Validate(model);
            return null;
        }
        catch (ArgumentException error)
        {
            return error.Message;
        }
    }

    private static void Show(Screen screen, LatencyResult r)
    {
        screen.Line(
            $"{r.Model}, input {string.Join("×", r.Input)}, {r.Classes} classes, {r.Precision} on {r.Backend} with {r.Threads} threads");
        screen.Line($"Medians of {Trials(r.Trials)} in turns (a quarter below – a quarter above), {Format.Duration(r.Seconds)} in all.");
        if (r.Methods.Any(method => method.Train is not null))
        {
            screen.Line("");
            Table train =
                new Table("training step", ">trainable parameters", $">batch {r.Methods[0].Train!.Batch}", ">spread", ">of full tuning");
            foreach (MethodLatency method in r.Methods)
                train.Add(method.Method, Format.Count(method.TrainableParameters), Milliseconds(method.Train!.MedianMs),
                    Spread(method.Train), method.Train.Relative is { } share ? Text($"{share:0.00}") : "-");
            screen.Write(train);
        }

        if (r.Methods[0].Predict.Count == 0) return;
        screen.Line("");
        Table predict = new Table(["prediction", ">parameters", ">multiply-adds", ">as fvcore counts",
            .. r.Methods[0].Predict.SelectMany(p => (string[])[$">batch {p.Batch}", ">spread", ">more"])]);
        foreach (MethodLatency method in r.Methods)
        {
            predict.Add([
                method.Method, Format.Count(method.Parameters), Format.Macs(method.Macs), Format.Macs(method.FvcoreMacs),
                .. method.Predict.SelectMany(p => (string[])[Milliseconds(p.MedianMs), Spread(p), p.Relative is { } share
                    ? Text($"{100 * (share - 1):+0.0;-0.0;0.0} %") : "-"])]);
        }

        screen.Write(predict);
        screen.Line("'more' is the median over rounds of the time over that of a model without additions (linear, else full) in the "
            + "same round: full's own figure shows the noise.");
        string[] merging = [.. r.Methods.Where(method => method.Merges).Select(method => method.Method)];
        if (merging.Length > 0)
            screen.Line($"Merged into the backbone (adaptformer convert --merge), {string.Join(" and ", merging)} cost nothing.");
    }

    private static string Trials(int n) => n == 1 ? "1 trial" : $"{Format.Count(n)} trials";

    private static string Milliseconds(double ms) => Text($"{ms:0.0} ms");

    private static string Spread(Latency l) => Text($"{l.LowMs:0.0} – {l.HighMs:0.0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How latencies are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LatencyResult))]
internal sealed partial class LatencyJson : JsonSerializerContext;
