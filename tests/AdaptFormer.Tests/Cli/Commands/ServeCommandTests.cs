using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using AdaptFormer.Tests.Files.Hub;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary><c>adaptformer serve</c> as its user runs it: trained tasks score as <c>eval</c> says, and a killed server comes back at its port.</summary>
public sealed partial class ServeCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task Served_tasks_score_as_eval_says_and_a_killed_server_comes_back()
    {
        string run = task["run-serve"], adapter = Path.Combine(run, "adapter.safetensors"), folder = Directory.CreateDirectory(task["tasks"]).FullName;
        await Done("train", task.Recipe, "--output", run, "--set", "epochs=1");
        File.Copy(adapter, Path.Combine(folder, "plain.safetensors"));
        await Done("convert", adapter, Path.Combine(folder, "packed.safetensors"), "--to", "adapter", "--bits", "1", "--backbone", task.Backbone);
        Dictionary<string, double> scores = [];
        foreach (string name in (string[])["plain", "packed"])
        {
            CliOutcome score = await Done("eval", "--adapter", Path.Combine(folder, $"{name}.safetensors"), "--weights", task.Backbone, "--data", task["test"], "--precision", "float32", "--json");
            scores[name] = score.Json[0].GetProperty("top1").GetDouble();
        }

        string[] pictures = Directory.GetFiles(task["test"], "*.png", SearchOption.AllDirectories);
        int port = LastingPort();
        using (Process server = Serve(folder, port))
        {
            _ = server.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            Assert.Equal(port, await PortAsync(server));
            using HttpClient client = Client(port);
            foreach ((string name, double expected) in scores)
            {
                string?[] answers = await Task.WhenAll(pictures.Select(picture => BestAsync(client, name, picture)));
                double right = pictures.Zip(answers).Count(pair => Path.GetFileName(Path.GetDirectoryName(pair.First)) == pair.Second);
                Assert.Equal(expected, 100 * right / pictures.Length, 3);
            }

            server.Kill();
            await server.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        // The next one, with products in 8 bits, tells in JSON what it does, and where the environment says which passes it ran.
        (HttpListener collector, Uri address) = FakeHub.Listen();
        using HttpListener listening = collector;
        using Process again = Serve(folder, port, "int8", new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = address.ToString().TrimEnd('/'), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" });
        Task<string> logged = again.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            Task traces = ReceiveAsync(collector, "read input", "POST /models/{task}");
            Assert.Equal(port, await PortAsync(again));
            using (HttpClient client = Client(port)) Assert.NotNull(await BestAsync(client, "plain", pictures[0]));
            await traces.WaitAsync(TimeSpan.FromMinutes(1));
        }
        finally
        {
            again.Kill();
        }

        JsonElement[] lines = [.. (await logged).Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(2, lines.Count(line => line.GetProperty("Message").GetString()!.Contains("Loaded in")));
        Assert.All(lines, line => Assert.True(DateTime.TryParse(line.GetProperty("Timestamp").GetString(), CultureInfo.InvariantCulture, out _)));
    }

    /// <summary>A free port that stays free: it lies below those that systems give to whoever asks for any.</summary>
    private static int LastingPort()
    {
        for (int port = 20_000 + (Environment.ProcessId % 4000); ; port++)
        {
            try
            {
                using TcpListener free = new(IPAddress.Loopback, port);
                free.Start();
                return port;
            }
            catch (SocketException) when (port < 30_000)
            {
                // Somebody listens there.
            }
        }
    }

    /// <summary>Takes traces, which come when they come, until all of some spans are among them.</summary>
    private static async Task ReceiveAsync(HttpListener listener, params string[] spans)
    {
        List<string> missing = [.. spans];
        while (missing.Count > 0)
        {
            HttpListenerContext request = await listener.GetContextAsync();
            using StreamReader body = new(request.Request.InputStream, Encoding.Latin1);
            string text = await body.ReadToEndAsync(TestContext.Current.CancellationToken);
            request.Response.Close();
            Assert.Equal("/v1/traces", request.Request.Url!.AbsolutePath);
            missing.RemoveAll(text.Contains);
        }
    }

    [Fact]
    public async Task What_cannot_be_served_is_said_in_a_line()
    {
        string folder = Directory.CreateDirectory(task["empty"]).FullName;
        await Wrong("there is no folder", "--backbone", task.Backbone, "--tasks", task["nowhere"]);
        await Wrong("nowhere.safetensors", "--backbone", task["nowhere.safetensors"], "--tasks", folder);
        await Wrong("is no address", "--backbone", Backbone, "--tasks", folder, "--urls", "five thousand");
        await Wrong("keys.json", "--backbone", Backbone, "--tasks", folder, "--keys", task["keys.json"]);
    }

    private static async Task<CliOutcome> Done(params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(arguments);
        Assert.True(outcome.Code == 0, outcome.Error);
        return outcome;
    }

    private static async Task Wrong(string reason, params string[] options)
    {
        CliOutcome outcome = await CliProgram.Call(["serve", .. options]);
        Assert.True(outcome.Code is 1 or 2, outcome.Output);
        Assert.Contains(reason, outcome.Error);
        Assert.Single(outcome.Error.TrimEnd().Split('\n'), line => line.StartsWith("adaptformer: ", StringComparison.Ordinal) && !line.Contains("--help"));
    }

    private Process Serve(string folder, int port, string precision = "float32", Dictionary<string, string>? environment = null) => CliProgram.Start(environment ?? [],
        "serve", "--backbone", Backbone, "--tasks", folder, "--precision", precision, "--urls", $"http://127.0.0.1:{port}", "--grpc-urls", "none", "--json-logs");

    private string Backbone => task.SaveBackbone("told.safetensors", seed: 1, told: true);

    /// <summary>The port that a server says it listens at, once it is ready.</summary>
    private static async Task<int> PortAsync(Process server)
    {
        string? line = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        Match port = Port().Match(line ?? "");
        Assert.True(port.Success, line);
        Assert.StartsWith("2 tasks on", line);
        return int.Parse(port.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static HttpClient Client(int port) => new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

    private static async Task<string?> BestAsync(HttpClient client, string name, string picture)
    {
        using ByteArrayContent body = new(File.ReadAllBytes(picture));
        using HttpResponseMessage response = await client.PostAsync($"/models/{name}?top_k=1", body, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement[0].GetProperty("label").GetString();
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Port();
}
