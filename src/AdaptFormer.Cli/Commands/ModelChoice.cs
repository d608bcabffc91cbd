using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary>The options that say which trained model answers: a run, an adapter with its backbone, or weights with a classifier of their
/// own.</summary>
internal sealed class ModelChoice
{
    private readonly Option<string> _adapter = new("--adapter")
    { Description = "What was trained: an adapter file, or the run directory that holds it.", HelpName = "file" };
    private readonly Option<string> _weights = new("--weights")
    { Description = "The backbone's weights; without an adapter they must hold a classifier.", HelpName = "file" };
    private readonly Option<string> _run = new("--run")
    { Description = "A run directory: its adapter, on the weights of its recipe.", HelpName = "folder" };
    private readonly Option<string> _labels = new("--labels")
    { Description = "Names of the classes, one a line, for weights without an adapter.", HelpName = "file" };
    private readonly Option<string> _prefix = new("--prefix")
    { Description = "Which model of a weights file that holds several: its prefix, or its key, for example model_ema.", HelpName = "text" };
    private readonly Option<string> _model = new Option<string>("--model")
    { Description = "The id of weights without an adapter, which says how their pictures are normalised." }.OfferModels();
    private readonly Option<Precision?> _precision = new("--precision")
    { Description = "float32, bfloat16, int8 (predictions alone) or auto.", HelpName = "type" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_run, _adapter, _weights, _labels, _model, _prefix, _precision]) command.Add(option);
    }

    /// <summary>The run directory that was named, if any.</summary>
    public string? Run(ParseResult parsed) => parsed.GetValue(_run);

    /// <summary>What the model is called in messages.</summary>
    public string Name(ParseResult parsed) =>
        parsed.GetValue(_run) ?? parsed.GetValue(_adapter) ?? parsed.GetValue(_labels) ?? parsed.GetValue(_weights)!;

    /// <summary>The ONNX file that ONNX Runtime is to run: what <c>--weights</c> names.</summary>
    /// <exception cref="ArgumentException">There is none, or an option was given that such a file needs not.</exception>
    public string OnnxFile(ParseResult parsed)
    {
        Option[] others = [_run, _adapter, _labels, _prefix, _model, _precision];
        if (others.FirstOrDefault(option => parsed.GetResult(option) is not null) is { } other)
            throw new ArgumentException($"--runtime onnx runs a file that says everything itself; leave {other.Name} out.");
        return parsed.GetValue(_weights)
            ?? throw new ArgumentException("--runtime onnx: which file? Give --weights FILE, made with adaptformer export.");
    }

    /// <summary>Opens the model; what was assumed about its weights is said on stderr.</summary>
    /// <exception cref="ArgumentException">The options name no model, or more than one.</exception>
    public Predictor Open(ParseResult parsed, Screen screen)
    {
        (string? run, string? adapter, string? weights, string? labels) =
            (parsed.GetValue(_run), parsed.GetValue(_adapter), parsed.GetValue(_weights), parsed.GetValue(_labels));
        Precision? precision = parsed.GetValue(_precision);
        if (run is not null && (adapter ?? weights) is not null)
            throw new ArgumentException("--run names adapter and weights already; leave --adapter and --weights out.");
        if ((run ?? adapter ?? weights) is null)
            throw new ArgumentException(
                "Which model? Give --run FOLDER, or --adapter FILE --weights FILE, or --weights FILE with a classifier of its own.");
        if (run is not null) return Predictor.OpenRun(run, precision);
        if (adapter is not null)
            return Predictor.OpenAdapter(RunPlace.AdapterAt(adapter), weights, precision ?? Precision.Auto, parsed.GetValue(_prefix));

        string[]? names = labels is null ? null : [.. ListFile.AllLines(labels).Select(line => line.Trim()).Where(line => line.Length > 0)];
        Predictor predictor =
            Predictor.OpenPretrained(weights!, names, parsed.GetValue(_model), precision ?? Precision.Auto, parsed.GetValue(_prefix));
        foreach (string note in predictor.Model.Source?.Report.Notes ?? []) screen.Warn($"{weights}: {note}.");
        return predictor;
    }
}
