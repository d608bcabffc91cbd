using System.CommandLine;
using AdaptFormer.Files.Hub;
using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Cli.Commands;

/// <summary>
/// The everyday keys of a recipe as options of their own. They are edits of the recipe and nothing else, so a value out of range is
/// explained as everywhere; this is the only place that knows which option means which key.
/// </summary>
internal sealed class RecipeOptions
{
    private static readonly string[] Precisions = ["auto", "bfloat16", "float32"];

    private readonly Option<string> _model = new("--model")
    {
        Description = "The backbone's id (see `adaptformer models`); its published weights, unless --weights names others.",
        HelpName = "id",
    };

    private readonly Option<string> _weights = new("--weights")
    {
        Description = "The backbone's weights: a file, a folder, hub:OWNER/NAME, or a model's id for its published ones.",
        HelpName = "file",
    };

    private readonly Option<string> _validation = new("--validation")
    {
        Description = "What chooses the best epoch: a folder or list, or a share of the training data such as 0.1.",
        HelpName = "path",
    };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Change any key of the recipe, for example --set tuning.scale=0.2; may be given many times.",
        HelpName = "key=value",
    };

    private readonly (string Key, Option<string> Option)[] _plain =
    [
        ("tuning.method", new("--method") { Description = $"How to tune: {string.Join(", ", Tuning.Methods)}.", HelpName = "name" }),
        ("tuning.bottleneck", new("--bottleneck") { Description = "Width of the adapters, for methods that have them.", HelpName = "n" }),
        ("epochs", new("--epochs") { Description = "Passes over the training data.", HelpName = "n" }),
        ("batch", new("--batch") { Description = "Pictures or clips per pass through the model.", HelpName = "n" }),
        ("optimizer.lr", new("--lr") { Description = "Highest learning rate, whatever the batch.", HelpName = "x" }),
        ("seed", new("--seed") { Description = "Names every random number of the run.", HelpName = "n" }),
        ("precision", new("--precision") { Description = "float32, bfloat16 or auto.", HelpName = "type" }),
        ("workers", new("--workers") { Description = "Threads that read pictures; 0 lets the program choose.", HelpName = "n" }),
        ("data.test", new("--test") { Description = "The test data, scored once at the end: a folder or list.", HelpName = "path" }),
        ("early_stopping", new("--patience") { Description = "Stop after n epochs without a better validation score.", HelpName = "n" }),
        ("from", new("--from")
        { Description = "Start from what an adapter file of the same method holds, or a run directory.", HelpName = "file" }),
    ];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        _model.OfferModels();
        _weights.OfferModels();
        foreach ((string key, Option<string> option) in _plain)
        {
            if (key == "tuning.method") option.Offer(Tuning.Methods, "method");
            if (key == "precision") option.Offer(Precisions, "type");
        }

        foreach (Option option in (Option[])[_model, _weights, .. _plain.Select(one => one.Option), _validation, _set]) command.Add(option);
    }

    /// <summary>The edits of a call, those of <c>--set</c> last: they win.</summary>
    /// <exception cref="ArgumentException">A model is named whose published weights are not known, and no others are given.</exception>
    public IReadOnlyList<string> Edits(ParseResult parsed)
    {
        List<string> edits = [.. BackboneEdits(parsed.GetValue(_model), parsed.GetValue(_weights))];
        foreach ((string key, Option<string> option) in _plain)
        {
            if (parsed.GetValue(option) is { } value) edits.Add($"{key}={(key == "from" ? RunPlace.AdapterAt(value) : value)}");
        }

        if (parsed.GetValue(_validation) is { } validation)
        {
            bool share = double.TryParse(validation, System.Globalization.CultureInfo.InvariantCulture, out _) && !Path.Exists(validation);
            edits.AddRange(share
                ? ["data.validation=null", $"data.validation_fraction={validation}"]
                : [$"data.validation={validation}", "data.validation_fraction=0"]);
        }

        return [.. edits, .. parsed.GetValue(_set) ?? []];
    }

    /// <summary>The edits that choose a backbone.</summary>
    /// <param name="model">A model's id; that of the recipe if null.</param>
    /// <param name="weights">A weights file, or a model's id; those of the recipe, or of the model, if null.</param>
    /// <exception cref="ArgumentException">They are two models, or where the model's weights are published is not known.</exception>
    public static IEnumerable<string> BackboneEdits(string? model, string? weights)
    {
        if (weights is not null && !Path.Exists(weights) && ModelZoo.Contains(weights))
        {
            if (model is not null && model != weights)
                throw new ArgumentException($"--model is {model} and --weights is the model {weights}; give one of them.");
            (model, weights) = (weights, null);
        }

        if (model is not null) yield return $"model.name={model}";
        if (weights is not null) yield return $"model.weights={weights}";
        else if (model is not null) yield return $"model.weights={Published(ModelZoo.Get(model).Id)}";
    }

    private static string Published(string model) => PublishedWeights.Of(model)
        ?? throw new ArgumentException(
            $"Where the weights of {model} are published is not known; give them with --weights FILE. See: adaptformer models");
}
