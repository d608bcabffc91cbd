using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using AdaptFormer.Tests.Data;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>A page in headless Chromium, spoken to by its DevTools protocol: what a script computes is asked, and the system's scheme is switched.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly string? Program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .SelectMany(folder => (string[])[Path.Combine(folder, "chromium"), Path.Combine(folder, "google-chrome")]).FirstOrDefault(File.Exists);

    private readonly Process _process;
    private readonly TempFolder _profile;
    private readonly ClientWebSocket _line = new();
    private readonly CancellationTokenSource _limit = new(Patience);
    private int _calls;

    private Browser(Process process, TempFolder profile) => (_process, _profile) = (process, profile);

    /// <summary>Opens a page that lies in a file.</summary>
    public static async Task<Browser> Open(string path)
    {
        Assert.SkipUnless(Program is not null, "There is no Chromium here to open the page with.");
        TempFolder profile = new();
        ProcessStartInfo start = new(Program!, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
            $"--user-data-dir={profile.Path}", new Uri(path).AbsoluteUri])
        { RedirectStandardError = true, RedirectStandardOutput = true };
        Browser browser = new(Process.Start(start)!, profile);
        browser._process.BeginErrorReadLine();
        browser._process.BeginOutputReadLine();
        await browser.Connect();
        await browser.Loaded(start.ArgumentList[^1]);
        return browser;
    }

    /// <summary>What a JavaScript expression gives, as text.</summary>
    public async Task<string> Ask(string expression)
    {
        JsonNode answer = await Call("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["awaitPromise"] = true });
        return answer["result"]!["value"]?.ToString() ?? throw new InvalidOperationException($"{expression}: {answer.ToJsonString()}");
    }

    /// <summary>Has the system's scheme be <c>light</c> or <c>dark</c>, as when a person switches it while the page is open, and waits until the page
    /// has drawn what follows from it: listeners run, and charts are drawn, with the frames after the change.</summary>
    public async Task Scheme(string scheme)
    {
        await Call("Emulation.setEmulatedMedia", new JsonObject
        {
            ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = scheme }),
        });
        await Ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done('drawn')))))");
    }

    public async ValueTask DisposeAsync()
    {
        _line.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _limit.Dispose();
        for (int i = 0; i < 300; i++)
        {
            try
            {
                _profile.Dispose();
                return;
            }
            catch (IOException)
            {
                await Task.Delay(100);      // a process of its own is still ending, and writes there
            }
        }

        _profile.Dispose();
    }

    private async Task Connect()
    {
        string told = Path.Combine(_profile.Path, "DevToolsActivePort");
        while (!File.Exists(told) || File.ReadAllLines(told).Length < 2) await Task.Delay(50, _limit.Token);
        using HttpClient http = new();
        while (true)
        {
            JsonArray targets = (await http.GetFromJsonAsync<JsonArray>($"http://127.0.0.1:{File.ReadAllLines(told)[0]}/json", _limit.Token))!;
            if (targets.FirstOrDefault(target => (string?)target!["type"] == "page") is { } page)
            {
                await _line.ConnectAsync(new Uri((string)page["webSocketDebuggerUrl"]!), _limit.Token);
                return;
            }

            await Task.Delay(50, _limit.Token);
        }
    }

    // The page that is connected to first is an empty one, which the wanted one takes the place of at its own time.
    private async Task Loaded(string address)
    {
        string shown = "";
        while (shown != address)
        {
            await Task.Delay(50, _limit.Token);
            try
            {
                shown = await Ask("document.readyState === 'complete' ? location.href : 'not yet'");
            }
            catch (InvalidOperationException)
            {
                // It was exchanged while it was asked.
            }
        }
    }

    private async Task<JsonNode> Call(string method, JsonObject parameters)
    {
        int id = ++_calls;
        JsonObject call = new() { ["id"] = id, ["method"] = method, ["params"] = parameters };
        await _line.SendAsync(Encoding.UTF8.GetBytes(call.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, _limit.Token);
        while (true)
        {
            JsonNode message = await Receive();
            if ((int?)message["id"] != id) continue;      // an event, not the answer
            return message["result"] ?? throw new InvalidOperationException($"{method}: {message.ToJsonString()}");
        }
    }

    private async Task<JsonNode> Receive()
    {
        using MemoryStream message = new();
        byte[] part = new byte[1 << 16];
        WebSocketReceiveResult received;
        do
        {
            received = await _line.ReceiveAsync(part, _limit.Token);
            message.Write(part, 0, received.Count);
        }
        while (!received.EndOfMessage);
        return JsonNode.Parse(message.ToArray())!;
    }
}
