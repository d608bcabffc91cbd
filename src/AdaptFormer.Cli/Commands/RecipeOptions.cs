using System.CommandLine;
using AdaptFormer.Peft;

namespace AdaptFormer.Cli.Commands;

/// <summary>
/// The everyday keys of a recipe as options of their own. They are edits of the recipe and nothing else, so a value out of range is
/// explained as everywhere; this is the only place that knows which option means which key.
/// </summary>
internal sealed class RecipeOptions
{
    private static readonly string[] Precisions = ["auto", "bfloat16", "float32"];

    private readonly BackboneChoice _backbone = new();

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
        foreach ((string key, Option<string> option) in _plain)
        {
            if (key == "tuning.method") option.Offer(Tuning.Methods, "method");
            if (key == "precision") option.Offer(Precisions, "type");
        }

        Option[] all = [.. _backbone.Options, .. _plain.Select(one => one.Option), _validation, _set];
        foreach (Option option in all) command.Add(option);
    }

    /// <summary>The edits of a call, those of <c>--set</c> last: they win.</summary>
    /// <exception cref="ArgumentException">A model is named whose published weights are not known, and no others are given.</exception>
    public IReadOnlyList<string> Edits(ParseResult parsed)
    {
        List<string> edits = [.. _backbone.Edits(parsed)];
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
}
