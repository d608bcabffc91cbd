using AdaptFormer.Cli.Output;
using AdaptFormer.Files.Hub;

namespace AdaptFormer.Cli.Commands;

/// <summary>Sees to it that weights which a recipe names by their place on the Hub are in the cache before training starts.</summary>
internal static class WeightsFetch
{
    private const int Attempts = 2;      // without network the answer should come soon; what came stays, and the next call goes on from it

    /// <summary>Fetches the weights if they are of the Hub and not here.</summary>
    /// <param name="screen">Where progress goes.</param>
    /// <param name="weights">What the recipe says; a path is left alone.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="IOException">They are not here and cannot be fetched; the message says what to bring.</exception>
    public static void Ensure(Screen screen, string? weights, CancellationToken cancellation)
    {
        if (weights is null || !weights.StartsWith(HubId.Scheme, StringComparison.Ordinal)) return;
        HubId id = HubId.Parse(weights);
        HubCache cache = new();
        if (IsThere(cache, id)) return;

        screen.Note($"{id} is fetched from the Hub, once, into {cache.Folder}");
        using HubClient hub = new(new HubOptions(Attempts: Attempts));
        try
        {
            PullCommand.Show(screen, report => hub.PullAsync(id, cache, weights: null, report, cancellation)).GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is IOException or InvalidDataException or HttpRequestException)
        {
            throw new IOException(
                $"The weights {weights} are not in the cache {cache.Folder} and cannot be fetched: {error.Message.TrimEnd('.')}. "
                + $"Where there is a network run: adaptformer pull {id} --cache FOLDER; then bring the folder here and set "
                + $"{HubCache.FolderVariable} to it. Or bring the file "
                + $"https://huggingface.co/{id.Repository}/resolve/{id.Revision}/model.safetensors and give --weights model.safetensors. "
                + $"A mirror is named by {HubOptions.EndpointVariable}.",
                error);
        }
    }

    /// <summary>Whether a model of the Hub is in a cache.</summary>
    public static bool IsThere(HubCache cache, HubId id)
    {
        try
        {
            cache.Find(id);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }
}
