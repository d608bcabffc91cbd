using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using AdaptFormer.Inference;
using AdaptFormer.Serving;
using AdaptFormer.Tests.Inference.Bank;
using Xunit;

namespace AdaptFormer.Tests.Serving;

/// <summary>Keys, limits, and clients that mean no good: clear answers, and no harm to others.</summary>
public sealed class LimitsTests
{
    [Fact]
    public async Task Keys_open_their_tasks_and_no_others()
    {
        using BankFiles files = new();
        File.WriteAllText(files["keys.json"], """{ "shop": ["flowers"], "sha256:4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2": ["*"] }""");      // of "root"
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = ApiKeys.Load(files["keys.json"]) });
        Assert.Contains("key is needed", await server.ErrorAsync(server.PostAsync("/models/flowers", BankFiles.Picture(1)), HttpStatusCode.Unauthorized));
        Assert.Contains("key is needed", await server.ErrorAsync(server.Client.GetAsync("/tasks"), HttpStatusCode.Unauthorized));
        await server.ErrorAsync(server.Client.GetAsync("/metrics"), HttpStatusCode.Unauthorized);
        await server.JsonAsync(server.Client.GetAsync("/v2/health/ready"));

        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "shop");
        await server.JsonAsync(server.PostAsync("/models/flowers", BankFiles.Picture(1)));
        Assert.Contains("may not ask the task 'birds'", await server.ErrorAsync(server.PostAsync("/models/birds", BankFiles.Picture(1)), HttpStatusCode.Forbidden));
        Assert.Contains("may not ask", await server.ErrorAsync(server.PostAsync("/models/unknown", BankFiles.Picture(1)), HttpStatusCode.Forbidden));
        Assert.Equal(1, (await server.JsonAsync(server.Client.GetAsync("/tasks"))).GetProperty("tasks").GetArrayLength());
        Assert.Equal(1, (await server.JsonAsync(server.PostAsync("/ask", BankFiles.Picture(1)))).GetProperty("answers").GetArrayLength());
        await server.ErrorAsync(server.PostAsync("/ask?tasks=birds", BankFiles.Picture(1)), HttpStatusCode.Forbidden);
        await server.ErrorAsync(server.Client.GetAsync("/metrics"), HttpStatusCode.Forbidden);

        server.Client.DefaultRequestHeaders.Authorization = null;
        server.Client.DefaultRequestHeaders.Add("X-API-Key", "root");
        Assert.Equal(2, (await server.JsonAsync(server.PostAsync("/ask", BankFiles.Picture(1)))).GetProperty("answers").GetArrayLength());
        Assert.Contains("adaptformer_", await server.Client.GetStringAsync("/metrics"));
    }

    [Theory]
    [InlineData("", "each key once")]
    [InlineData("{}", "holds no keys")]
    [InlineData("{\"a\":null}", "holds no keys")]
    [InlineData("[1]", "each key once")]
    public void A_file_that_holds_no_keys_is_named(string text, string reason)
    {
        using BankFiles files = new();
        File.WriteAllText(files["keys.json"], text);
        string message = Assert.Throws<InvalidDataException>(() => ApiKeys.Load(files["keys.json"])).Message;
        Assert.Contains("keys.json", message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public async Task Bodies_beyond_the_limits_are_refused_and_forgotten()
    {
        await using RunningServer server = await RunningServer.StartAsync(
            new ServerOptions { MaxBodyBytes = 4000, MaxBodiesBytes = 6000 },
            ServerOptions.BankDefaults with { Inputs = new InputLimits(MaxBytes: 4000, MaxPixels: 400) });
        Assert.Contains("4000 bytes", await server.ErrorAsync(server.PostAsync("/models/birds", new byte[5000]), HttpStatusCode.RequestEntityTooLarge));
        using (HttpRequestMessage chunked = new(HttpMethod.Post, "/models/birds") { Content = new StreamContent(new MemoryStream(new byte[5000])) })
        {
            chunked.Headers.TransferEncodingChunked = true;
            await server.ErrorAsync(server.Client.SendAsync(chunked), HttpStatusCode.RequestEntityTooLarge);
        }

        Assert.Contains("400 that are read", await server.ErrorAsync(server.PostAsync("/models/birds", [.. "P5 60 60 255\n"u8, .. new byte[3600]]), HttpStatusCode.UnprocessableEntity));
        Assert.Contains("60000x60000", await server.ErrorAsync(server.PostAsync("/models/birds", [.. "P5 60000 60000 255\n"u8, .. new byte[360]]), HttpStatusCode.UnprocessableEntity));
        await server.JsonAsync(server.PostAsync("/models/birds", BankFiles.Picture(1)));
        await AssertHoldsNothing(server);
    }

    [Fact]
    public async Task Bodies_that_never_end_are_given_up()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { BodyTimeout = TimeSpan.FromMilliseconds(300) });
        using TcpClient one = Connect(server, 2000), other = Connect(server, 2000);
        Assert.Contains("408", Answer(one));
        Assert.Contains("did not come within 0.3 s", Answer(other));

        // Others are answered; on a busy machine even an honest body may take more than so short a time, and comes again.
        HttpStatusCode code = HttpStatusCode.RequestTimeout;
        for (int i = 0; i < 100 && code == HttpStatusCode.RequestTimeout; i++)
        {
            using HttpResponseMessage honest = await server.PostAsync("/models/birds", BankFiles.Picture(1));
            code = honest.StatusCode;
        }

        Assert.Equal(HttpStatusCode.OK, code);
        await AssertHoldsNothing(server);
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_again()
    {
        await using RunningServer server = await RunningServer.StartAsync(
            bankOptions: ServerOptions.BankDefaults with { BatchSize = 1, QueueLength = 2, BatchDelay = TimeSpan.Zero });
        HttpResponseMessage[] responses = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => server.PostAsync("/models/birds", BankFiles.Picture(i))));
        HttpResponseMessage[] busy = [.. responses.Where(response => response.StatusCode == HttpStatusCode.ServiceUnavailable)];
        Assert.All(responses, response => Assert.Contains(response.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable }));
        Assert.Contains(responses, response => response.StatusCode == HttpStatusCode.OK);
        Assert.All(busy, response => Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta));
        foreach (HttpResponseMessage response in responses) response.Dispose();
    }

    [Fact]
    public async Task The_end_answers_what_was_taken()
    {
        RunningServer server = await RunningServer.StartAsync(bankOptions: ServerOptions.BankDefaults with { BatchDelay = TimeSpan.FromMilliseconds(400), BatchSize = 64 });
        Task<HttpResponseMessage>[] asked = [.. Enumerable.Range(0, 20).Select(i => server.PostAsync("/models/birds", BankFiles.Picture(i)))];
        while (server.Bank.Waiting == 0 && !asked.Any(one => one.IsCompleted)) await Task.Yield();
        await server.Server.DisposeAsync();
        int answered = 0;
        foreach (Task<HttpResponseMessage> one in asked)
        {
            try
            {
                using HttpResponseMessage response = await one;
                answered += response.StatusCode == HttpStatusCode.OK ? 1 : 0;
            }
            catch (HttpRequestException)
            {
                // Its connection was not taken any more.
            }
        }

        Assert.True(answered > 0, "nothing was answered");
        server.Bank.Dispose();
        server.Files.Dispose();
        server.Client.Dispose();
    }

    [Fact]
    public async Task Two_thousand_hostile_requests_leave_the_server_well()
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable("ADAPTFORMER_FUZZ"), out int given) ? given : 2000;
        await using RunningServer server = await RunningServer.StartAsync();
        byte[] picture = BankFiles.Picture(1);
        string[] types = ["application/octet-stream", "application/json", "image/png", "text/xml"];
        string[] addresses = ["/models/birds", "/v2/models/birds/infer", "/ask", "/v2/models/nobody/infer", "/attention/flowers"];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, stop) =>
        {
            Tensors.Rng rng = new(i);
            byte[] body = i % 3 == 0 ? Encoding.UTF8.GetBytes("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"AAAA\"]}]}") : [.. picture];
            for (int k = 0; k < 1 + rng.NextInt(6); k++) body[rng.NextInt(body.Length)] = (byte)rng.NextInt(256);
            if (rng.NextInt(4) == 0) body = body[..rng.NextInt(body.Length)];
            using HttpResponseMessage response = await server.PostAsync(addresses[i % addresses.Length], body, types[rng.NextInt(types.Length)]);
            string text = await response.Content.ReadAsStringAsync(stop);
            Assert.True(response.StatusCode < HttpStatusCode.InternalServerError || response.StatusCode == HttpStatusCode.ServiceUnavailable, $"{response.StatusCode}: {text}");
            if (!response.IsSuccessStatusCode) Assert.Contains("\"error\":", text);
        });
        await server.JsonAsync(server.PostAsync("/models/birds", picture));
    }

    [Fact]
    public async Task Files_that_are_no_tasks_are_told_and_harm_nobody()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        string bad = Path.Combine(server.Folder, "bad.safetensors"), hidden = Path.Combine(server.Folder, ".bad");
        File.WriteAllBytes(hidden, new byte[100]);
        File.SetLastWriteTimeUtc(hidden, DateTime.UtcNow.AddMinutes(-1));
        File.Move(hidden, bad);
        for (int i = 0; i < 600 && server.Server.Refused.Count == 0; i++) await Task.Delay(50);
        Assert.Contains("bad.safetensors", server.Server.Refused["bad"]);
        Assert.Equal(["birds", "flowers"], server.Bank.Tasks.Select(task => task.Name));
        Assert.Contains("bad.safetensors", (await server.JsonAsync(server.Client.GetAsync("/tasks"))).GetProperty("refused").GetProperty("bad").GetString());
    }

    /// <summary>The server answers, and has no body in memory any more.</summary>
    private static async Task AssertHoldsNothing(RunningServer server)
    {
        Assert.Contains("adaptformer_bodies_memory_bytes", await server.Client.GetStringAsync("/metrics"));
        // The metric is one of the process, and other tests have servers; a body goes when its answer is written, which may be read before.
        SpinWait.SpinUntil(() => server.Server.HeldBodyBytes == 0, TimeSpan.FromMinutes(1));
        Assert.Equal(0, server.Server.HeldBodyBytes);
    }

    /// <summary>A client that promises a body and sends a part of it.</summary>
    private static TcpClient Connect(RunningServer server, int promised)
    {
        TcpClient client = new("127.0.0.1", server.Client.BaseAddress!.Port) { ReceiveTimeout = 30_000 };
        client.GetStream().Write(Encoding.ASCII.GetBytes($"POST /models/birds HTTP/1.1\r\nHost: x\r\nContent-Length: {promised}\r\n\r\nP5"));
        return client;
    }

    private static string Answer(TcpClient client)
    {
        byte[] answer = new byte[4096];
        int length = 0;
        while (!answer.AsSpan(0, length).Contains((byte)'}') && client.GetStream().Read(answer, length, answer.Length - length) is var read and > 0) length += read;
        return Encoding.ASCII.GetString(answer, 0, length);
    }
}
