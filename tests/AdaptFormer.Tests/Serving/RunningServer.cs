using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Serving;
using AdaptFormer.Tests.Inference.Bank;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Serving;

/// <summary>A server of two tasks, 'flowers' (4 classes) and 'birds' (5 classes), on ports of its own, and a client of it.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    private readonly Backbone _model;

    private RunningServer(Backbone model, TaskBank bank, TaskServer server, BankFiles files)
    {
        (_model, Bank, Server, Files) = (model, bank, server, files);
        Client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]) };
    }

    internal BankFiles Files { get; }

    internal string Folder => Path.Combine(Files.Folder, "tasks");

    internal TaskBank Bank { get; }

    internal TaskServer Server { get; private set; }

    internal HttpClient Client { get; }

    internal string GrpcAddress => Server.Addresses[1];

    internal static async Task<RunningServer> StartAsync(ServerOptions? options = null, TaskBankOptions? bankOptions = null, bool clips = false)
    {
        string backbone = clips ? "Video ViT" : "ViT";
        BankFiles files = new();
        string folder = Directory.CreateDirectory(files["tasks"]).FullName;
        File.Move(files.Save(backbone, new AdaptFormerTuning(4), "flowers", seed: 1), Path.Combine(folder, "flowers.safetensors"));
        File.Move(files.Save(backbone, new LoraTuning(2), "birds", seed: 2), Path.Combine(folder, "birds.safetensors"));
        Backbone model = TinyModels.Create(backbone);
        TaskBank bank = new(model, bankOptions ?? ServerOptions.BankDefaults);
        TaskServer server = await TaskServer.StartAsync(bank, folder, (options ?? new ServerOptions()) with { Urls = ["http://127.0.0.1:0"], GrpcUrls = ["http://127.0.0.1:0"] });
        return new RunningServer(model, bank, server, files);
    }

    internal Task<HttpResponseMessage> PostAsync(string address, byte[] body, string? type = "application/octet-stream")
    {
        ByteArrayContent content = new(body);
        if (type is not null) content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return Client.PostAsync(address, content);
    }

    internal async Task<JsonElement> JsonAsync(Task<HttpResponseMessage> request, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using HttpResponseMessage response = await request;
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(expected == response.StatusCode, $"{response.StatusCode}, expected {expected}: {text}");
        Assert.StartsWith("application/json", response.Content.Headers.ContentType?.ToString());
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>The reason of a request that must fail.</summary>
    internal async Task<string> ErrorAsync(Task<HttpResponseMessage> request, HttpStatusCode expected) =>
        (await JsonAsync(request, expected)).GetProperty("error").GetString()!;

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        Bank.Dispose();
        _model.Dispose();
        Files.Dispose();
    }
}
