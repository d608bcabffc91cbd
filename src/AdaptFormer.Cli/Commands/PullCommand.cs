using System.CommandLine;
using System.Diagnostics;
using AdaptFormer.Cli.Output;
using AdaptFormer.Models.Hub;
using Spectre.Console;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer pull</c>: fetches pre-trained weights from the Hugging Face Hub, or a mirror, into the cache.</summary>
internal static class PullCommand
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    public static Command Create(Screen screen)
    {
        Argument<string> model = new("model") { Description = "OWNER/NAME or OWNER/NAME@REVISION, for example facebook/deit-tiny-patch16-224." };
        Option<string> file = new("--file") { Description = "The weights file to take when the model has several.", HelpName = "name" };
        Option<string> endpoint = new("--endpoint") { Description = $"Address of a mirror; {HubOptions.EndpointVariable} or the public Hub if left out.", HelpName = "url" };
        Option<string> cache = new("--cache") { Description = $"The cache's folder; {HubCache.FolderVariable} or the user's cache folder if left out.", HelpName = "folder" };
        Command command = new("pull", "Fetch pre-trained weights from the Hugging Face Hub.") { model, file, endpoint, cache };
        command.SetAction(async (parsed, cancellation) =>
        {
            HubId id = HubId.Parse(parsed.GetValue(model)!);
            HubCache into = new(parsed.GetValue(cache));
            using HubClient hub = new(new HubOptions(Endpoint(parsed.GetValue(endpoint))));
            string folder = await Show(screen, report => hub.PullAsync(id, into, parsed.GetValue(file), report, cancellation)).ConfigureAwait(false);
            screen.Line(folder);
            screen.Line($"Use it as model.weights: \"{HubId.Scheme}{id}\".");
            return 0;
        });
        return command;
    }

    private static Uri? Endpoint(string? text) => text is null ? null
        : Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is ("http" or "https") ? address
        : throw new ArgumentException($"--endpoint is '{text}', expected an address such as https://hub.example.org.");

    private static async Task<string> Show(Screen screen, Func<Action<PullProgress>, Task<string>> pull)
    {
        if (screen.Live)
        {
            return await screen.Out.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
                .StartAsync(async bars =>
                {
                    Dictionary<string, ProgressTask> tasks = [];
                    return await pull(at =>
                    {
                        if (!tasks.TryGetValue(at.File, out ProgressTask? bar)) tasks[at.File] = bar = Bars.Add(bars, at.File, at.Bytes);
                        bar.Value = at.Bytes == 0 ? 1 : at.Done;
                    }).ConfigureAwait(false);
                }).ConfigureAwait(false);
        }

        long last = Stopwatch.GetTimestamp();
        return await pull(at =>
        {
            if (at.Done < at.Bytes && Stopwatch.GetElapsedTime(last) < BetweenLines) return;
            last = Stopwatch.GetTimestamp();
            screen.Line($"{at.File}: {Format.Bytes(at.Done)} of {Format.Bytes(at.Bytes)}");
        }).ConfigureAwait(false);
    }
}
