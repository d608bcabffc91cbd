using System.CommandLine;
using System.Diagnostics;
using AdaptFormer.Cli.Output;
using AdaptFormer.Files.Hub;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer pull</c>: fetches pre-trained weights from the Hugging Face Hub, or a mirror, into the cache.</summary>
internal static class PullCommand
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    public static Command Create(Screen screen)
    {
        Argument<string> model = new("model")
        { Description = "OWNER/NAME or OWNER/NAME@REVISION, for example facebook/deit-tiny-patch16-224." };
        Option<string> file = new("--file") { Description = "The weights file to take when the model has several.", HelpName = "name" };
        Option<string> endpoint = new("--endpoint")
        { Description = $"Address of a mirror; {HubOptions.EndpointVariable} or the public Hub if left out.", HelpName = "url" };
        Option<string> cache = new("--cache")
        { Description = $"The cache's folder; {HubCache.FolderVariable} or the user's cache folder if left out.", HelpName = "folder" };
        FileCommand command = new("pull", "Fetch pre-trained weights from the Hugging Face Hub.") { model, file, endpoint, cache };
        command.SetAction(async (parsed, cancellation) =>
        {
            HubId id = HubId.Parse(parsed.GetValue(model)!);
            HubCache into = new(parsed.GetValue(cache));
            using HubClient hub = new(new HubOptions(Endpoint(parsed.GetValue(endpoint))));
            string folder =
                await Show(screen, report => hub.PullAsync(id, into, parsed.GetValue(file), report, cancellation)).ConfigureAwait(false);
            screen.Line(folder);
            screen.Note($"Use it as model.weights: \"{HubId.Scheme}{id}\".");
            return 0;
        });
        return command;
    }

    private static Uri? Endpoint(string? text) => text is null ? null
        : Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is ("http" or "https") ? address
        : throw new ArgumentException($"--endpoint is '{text}', expected an address such as https://hub.example.org.");

    /// <summary>Shows a pull while it goes.</summary>
    /// <returns>The folder that it filled.</returns>
    internal static async Task<string> Show(Screen screen, Func<Action<PullProgress>, Task<string>> pull)
    {
        if (screen.ShowsBars(json: false))
        {
            return await Task.Run(() => Bars.Show(screen, bars =>
            {
                Dictionary<string, Bars.Bar> shown = [];
                long start = Stopwatch.GetTimestamp();
                return pull(at =>
                {
                    if (!shown.TryGetValue(at.File, out Bars.Bar? bar)) shown[at.File] = bar = bars.Add();
                    double rate = at.Done / Math.Max(0.001, Stopwatch.GetElapsedTime(start).TotalSeconds);
                    bar.Move(at.File, at.Done, at.Bytes, $"{Format.Bytes(at.Done)} of {Format.Bytes(at.Bytes)}",
                        $"{Format.Bytes((long)rate)}/s");
                    if (at.Done >= at.Bytes) bar.Remove();
                }).GetAwaiter().GetResult();
            })).ConfigureAwait(false);
        }

        long last = Stopwatch.GetTimestamp();
        return await pull(at =>
        {
            if (at.Done < at.Bytes && Stopwatch.GetElapsedTime(last) < BetweenLines) return;
            last = Stopwatch.GetTimestamp();
            screen.Note($"{at.File}: {Format.Bytes(at.Done)} of {Format.Bytes(at.Bytes)}");
        }).ConfigureAwait(false);
    }
}
