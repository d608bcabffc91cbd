using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Files.Hub;
using AdaptFormer.Models;
using AdaptFormer.Models.Swin;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Cli.Commands;

/// <summary>A model that has an id, as <c>models</c> lists it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Sizes">Its kind, blocks and width, in words.</param>
/// <param name="Input">Shape of one input: [3, S, S] for pictures, [3, T, S, S] for clips.</param>
/// <param name="Weights">Where its published weights are fetched from, as a recipe names them; null if they are to be brought.</param>
/// <param name="Cached">Whether those are in the cache.</param>
internal sealed record ListedModel(string Id, string Sizes, IReadOnlyList<int> Input, string? Weights, bool Cached)
{
    /// <summary>What the command says of a model.</summary>
    public static ListedModel Of(string id, HubCache cache)
    {
        BackboneConfig config = ModelZoo.Get(id).Config;
        string? weights = PublishedWeights.Of(id);
        bool cached = weights is not null && WeightsFetch.IsThere(cache, HubId.Parse(weights));
        return new ListedModel(id, Words(config), [.. config.InputShape], weights, cached);
    }

    private static string Words(BackboneConfig config) => config switch
    {
        VitConfig vit => $"ViT, {vit.Depth} blocks of {vit.EmbedDim}, patches of {vit.PatchSize}",
        VideoVitConfig vit => $"video ViT, {vit.Depth} blocks of {vit.EmbedDim}, patches of {vit.PatchSize}",
        VideoSwinConfig swin => $"Video Swin, {string.Join("+", swin.Depths)} blocks from {swin.EmbedDim}",
        SwinConfig swin => $"Swin, {string.Join("+", swin.Depths)} blocks from {swin.EmbedDim}",
        _ => config.GetType().Name,
    };
}

/// <summary><c>adaptformer models</c>: the models that have an id, a line each.</summary>
internal static class ModelsCommand
{
    public static Command Create(Screen screen)
    {
        Option<bool> json = CommonOptions.Json("Print one JSON line a model.");
        const string About = "List the models that have an id: their sizes, what they read, and where their weights come from.";
        Command command = new("models", About) { json };
        command.SetAction(parsed =>
        {
            HubCache cache = new();
            ListedModel[] models = [.. ModelZoo.Ids.Select(id => ListedModel.Of(id, cache))];
            if (parsed.GetValue(json))
            {
                foreach (ListedModel model in models) screen.Json(JsonSerializer.Serialize(model, ListedModelJson.Default.ListedModel));
                return 0;
            }

            Table table = new("model", "what it is", "reads", "weights");
            foreach (ListedModel model in models)
            {
                string weights = model.Weights is null ? "--weights FILE" : $"{model.Weights}{(model.Cached ? " (here)" : "")}";
                table.Add(model.Id, model.Sizes, Reads(model.Input), weights);
            }

            screen.Write(table);
            screen.Line(
                $"train --model ID fetches hub: weights once, into {cache.Folder}; other weights are brought as a file. "
                + $"The default is {PublishedWeights.Default}.");
            return 0;
        });
        return command;
    }

    private static string Reads(IReadOnlyList<int> input) => input.Count == 4 ? $"{input[1]} frames of {input[^1]} px" : $"{input[^1]} px";
}

/// <summary>How they are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ListedModel))]
internal sealed partial class ListedModelJson : JsonSerializerContext;
