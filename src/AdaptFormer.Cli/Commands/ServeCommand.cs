using System.CommandLine;
using AdaptFormer.Cli.Output;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Serving;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer serve</c>: one backbone and the tasks of a folder, over HTTP, until it is stopped.</summary>
internal static class ServeCommand
{
    public static Command Create(Screen screen)
    {
        TaskBankOptions bank = ServerOptions.BankDefaults;
        ServerOptions server = new();
        Option<string> backbone = new("--backbone", "--weights")
        { Description = "The backbone's weights: a file, a folder, or hub:OWNER/NAME.", HelpName = "weights", Required = true };
        Option<string> tasks = new("--tasks")
        {
            Description = "The folder of adapter files: TASK.safetensors is the task of that name. It is watched.",
            HelpName = "folder",
            Required = true,
        };
        Option<string[]> urls = new("--urls")
        {
            Description = $"Where to listen; {string.Join(' ', server.Urls)} if left out. Several are set apart by spaces or semicolons.",
            HelpName = "address",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string[]> grpcUrls = new("--grpc-urls")
        {
            Description = $"Where to listen for gRPC, which needs a port of its own without https; {string.Join(' ', server.GrpcUrls)} "
                + "if left out, 'none' for no gRPC.",
            HelpName = "address",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string> keys = new("--keys")
        {
            Description = "A JSON file of API keys with their tasks: { \"KEY\": [\"TASK\", …] }, \"*\" for all tasks. Without it "
                + "everybody may ask everything.",
            HelpName = "file",
        };
        Option<Precision?> precision = new("--precision") { Description = "float32, bfloat16, int8 or auto.", HelpName = "type" };
        Option<string> model = new Option<string>("--model")
        { Description = "The backbone's id, where its weights do not tell.", HelpName = "id" }.OfferModels();
        Option<int> batch = new("--batch")
        { Description = "Most pictures of one pass.", HelpName = "n", DefaultValueFactory = _ => bank.BatchSize };
        Option<double> delay = new("--batch-delay")
        { Description = "How long a pass waits for more pictures, in milliseconds.", HelpName = "ms", DefaultValueFactory = _ => 2 };
        Option<int> queue = new("--queue")
        {
            Description = "Questions that may wait; further ones get 503. Half of the places are one task's at most.",
            HelpName = "n",
            DefaultValueFactory = _ => bank.QueueLength,
        };
        Option<double> deadline = new("--deadline")
        {
            Description = "How long a question may wait, in seconds; then it gets 503.",
            HelpName = "s",
            DefaultValueFactory = _ => bank.Deadline!.Value.TotalSeconds,
        };
        Option<double> maxBody = new("--max-body")
        {
            Description = "Most bytes of a request, in MB (413 beyond).",
            HelpName = "MB",
            DefaultValueFactory = _ => server.MaxBodyBytes / (double)(1 << 20),
        };
        Option<double> maxPixels = new("--max-pixels")
        {
            Description = "Most pixels of a picture, in millions (422 beyond).",
            HelpName = "MP",
            DefaultValueFactory = _ => bank.Inputs!.MaxPixels / 1e6,
        };
        Option<int> maxFrames = new("--max-frames")
        { Description = "Most frames of a clip (422 beyond).", HelpName = "n", DefaultValueFactory = _ => bank.Inputs!.MaxFrames };
        Option<double> taskMemory = new("--task-memory")
        {
            Description = "Memory for tasks in GB; beyond it those not asked for longest are read again when they are.",
            HelpName = "GB",
            DefaultValueFactory = _ => bank.TaskBytes / (double)(1L << 30),
        };
        Option<double> trunkMemory = new("--trunk-memory")
        {
            Description = "Memory in MB for what all tasks share of the pictures that came last; 0 for none.",
            HelpName = "MB",
            DefaultValueFactory = _ => bank.TrunkBytes / (double)(1 << 20),
        };
        Option<bool> jsonLogs = new("--json-logs") { Description = "Write the log as JSON, one object a line." };
        Command command =
            new("serve", "Answer over HTTP for many tasks on one backbone: the Open Inference Protocol, Hugging Face's, and a page.")
        {
            backbone, tasks, urls, grpcUrls, keys, precision, model, batch, delay, queue, deadline, maxBody, maxPixels, maxFrames,
            taskMemory, trunkMemory, jsonLogs,
        };
        command.SetAction(async (parsed, stop) =>
        {
            long bodyBytes = Size("--max-body", parsed.GetValue(maxBody), 1 << 20);
            TaskBankOptions bankOptions = bank with
            {
                BatchSize = parsed.GetValue(batch),
                BatchDelay = Time("--batch-delay", parsed.GetValue(delay) / 1000),
                QueueLength = parsed.GetValue(queue),
                Deadline = Time("--deadline", parsed.GetValue(deadline)),
                TaskBytes = Size("--task-memory", parsed.GetValue(taskMemory), 1L << 30),
                TrunkBytes = Size("--trunk-memory", parsed.GetValue(trunkMemory), 1 << 20),
                Inputs = new InputLimits(bodyBytes, Size("--max-pixels", parsed.GetValue(maxPixels), 1_000_000),
                    parsed.GetValue(maxFrames)),
            };
            bankOptions.Validate();
            ServerOptions options = server with
            {
                MaxBodyBytes = bodyBytes,
                JsonLogs = parsed.GetValue(jsonLogs),
                Keys = parsed.GetValue(keys) is { } file
                    ? ApiKeys.Load(file) : null,
                Urls = Addresses(parsed.GetValue(urls), server.Urls),
                GrpcUrls = Addresses(parsed.GetValue(grpcUrls), server.GrpcUrls),
            };
            string folder = parsed.GetValue(tasks)!, weights = parsed.GetValue(backbone)!;
            if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"--tasks: there is no folder '{folder}'.");
            WeightsFetch.Ensure(screen, weights, stop);
            await ServeAsync(screen, weights, folder, bankOptions, options, parsed.GetValue(precision) ?? Precision.Auto,
                parsed.GetValue(model), stop);
            return 0;
        });
        DeviceChoice.AddTo(command);
        return command;
    }

    private static async Task ServeAsync(
        Screen screen, string weights, string folder, TaskBankOptions bankOptions, ServerOptions options, Precision precision,
        string? model, CancellationToken stop)
    {
        using TaskBank bank = TaskBank.Open(weights, bankOptions, precision, model);
        foreach (string note in bank.Model.Source?.Report.Notes ?? []) screen.Warn($"{weights}: {note}.");
        await using (TaskServer server = await TaskServer.StartAsync(bank, folder, options, stop))
        {
            string gRpc = options.GrpcUrls.Count > 0
                ? $" (the last {(options.GrpcUrls.Count == 1 ? "" : $"{options.GrpcUrls.Count} ")}for gRPC)" : "";
            screen.Line($"{Format.Count(bank.Tasks.Count)} {(bank.Tasks.Count == 1 ? "task" : "tasks")} on {bank.Model.Id} at "
                + $"{string.Join(' ', server.Addresses)}{gRpc}");
            if (options.Keys is null && options.Urls.Concat(options.GrpcUrls).Any(url => !IsLoopback(url)))
                screen.Warn("Other machines can reach this server, and without --keys everybody may ask everything.");
            try
            {
                await Task.Delay(Timeout.Infinite, stop);
            }
            catch (OperationCanceledException)
            {
                screen.Note("Ending: what was taken is answered.");
            }
        }
    }

    private static bool IsLoopback(string url) => Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.IsLoopback;

    private static IReadOnlyList<string> Addresses(string[]? given, IReadOnlyList<string> otherwise)
    {
        string[] all = [.. (given ?? []).SelectMany(text => text.Split([';', ' '], StringSplitOptions.RemoveEmptyEntries))];
        return all.Length == 0 ? otherwise : all is ["none"] ? [] : all;
    }

    private static long Size(string option, double value, long unit) => value >= 0 && value * unit <= int.MaxValue * 1024.0 * 1024
        ? (long)(value * unit) : throw new ArgumentException($"{option} is {value}; expected 0 or more.");

    private static TimeSpan Time(string option, double seconds) => seconds is >= 0 and < 86_400
        ? TimeSpan.FromSeconds(seconds) : throw new ArgumentException($"{option} is out of range.");
}
