using System.CommandLine;
using AdaptFormer.Files.Hub;
using AdaptFormer.Models;

namespace AdaptFormer.Cli.Commands;

/// <summary>The options that choose the backbone of a recipe, and the edits that they mean.</summary>
internal sealed class BackboneChoice
{
    private readonly Option<string> _model = new Option<string>("--model")
    {
        Description = "The backbone's id (see `adaptformer models`); its published weights, unless --weights names others.",
        HelpName = "id",
    }.OfferModels();

    private readonly Option<string> _weights = new Option<string>("--weights")
    {
        Description = "The backbone's weights: a file, a folder, hub:OWNER/NAME, or a model's id for its published ones.",
        HelpName = "file",
    }.OfferModels();

    /// <summary>The options.</summary>
    public IEnumerable<Option> Options => [_model, _weights];

    /// <summary>The edits of a call.</summary>
    /// <exception cref="ArgumentException">They name two models, or where the model's weights are published is not known.</exception>
    public IEnumerable<string> Edits(ParseResult parsed)
    {
        (string? model, string? weights) = (parsed.GetValue(_model), parsed.GetValue(_weights));
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
