using System.Diagnostics;
using System.Text.Json;
using AdaptFormer.Tests.Inference.Bank;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Serving;

/// <summary>Programs and libraries that others wrote, asking a server of this program: those of <c>tools/clients</c>, where they are installed.</summary>
public sealed class ClientsTests(ITestOutputHelper output)
{
    private const string AnsweredSome = @"[1-9]\d* requests in";
    private const int NotFound = 5;      // gRPC's code
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static string Folder => Path.Combine(Repository.Folder, "tools", "clients");

    [Fact]
    public async Task Hugging_Faces_client_reads_the_classes_and_the_reason_of_a_refusal()
    {
        SkipUnlessInstalled("@huggingface/inference");
        await using RunningServer server = await RunningServer.StartAsync();
        JsonElement[] told = Lines(await RunAsync("node", "huggingface.mjs", Url(server), "flowers", Picture(server)));
        JsonElement[] classes = [.. told[0].EnumerateArray()], expected = [.. (await server.JsonAsync(server.PostAsync("/models/flowers", BankFiles.Picture(1)))).EnumerateArray()];
        Assert.Equal(expected.Select(one => one.GetProperty("label").GetString()), classes.Select(one => one.GetProperty("label").GetString()));
        Assert.Equal(expected.Select(one => one.GetProperty("score").GetDouble()), classes.Select(one => one.GetProperty("score").GetDouble()));
        Assert.Contains("nobody", told[1].GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("src/AdaptFormer.Serving/Protocol/open_inference.proto")]
    [InlineData("tools/clients/open_inference_grpc.proto")]
    public async Task GRPCs_own_library_speaks_the_protocol_by_our_file_and_by_the_published_one(string proto)
    {
        SkipUnlessInstalled("@grpc/grpc-js");
        string path = Path.Combine(Repository.Folder, proto);
        Assert.SkipUnless(File.Exists(path), "The published protocol is not here: run tools/clients/official-proto.sh.");
        await using RunningServer server = await RunningServer.StartAsync();
        JsonElement told = Lines(await RunAsync("node", "grpc.mjs", new Uri(server.GrpcAddress).Authority, path, "birds", Picture(server)))[0];
        Assert.True(told.GetProperty("ready").GetBoolean());
        Assert.Equal(["image", "pixels"], told.GetProperty("inputs").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("one", told.GetProperty("id").GetString());
        Assert.Equal([2, 5], told.GetProperty("shape").EnumerateArray().Select(length => length.GetInt32()));
        double[] probabilities = [.. told.GetProperty("outputs").GetProperty("probabilities").EnumerateArray().Select(one => one.GetDouble())];
        Assert.Equal(2, probabilities.Sum(), 4);
        JsonElement best = (await server.JsonAsync(server.PostAsync("/models/birds", BankFiles.Picture(1))))[0];
        Assert.Equal(best.GetProperty("label").GetString(), told.GetProperty("outputs").GetProperty("label").GetString());
        Assert.Equal(best.GetProperty("score").GetDouble(), probabilities.Take(5).Max(), 4);
        Assert.Equal(NotFound, told.GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task A_client_with_the_types_of_the_OpenAPI_document_compiles_and_asks()
    {
        SkipUnlessInstalled("openapi-typescript");
        await using RunningServer server = await RunningServer.StartAsync();
        JsonElement told = Lines(await RunAsync("node", "openapi.mjs", Url(server), "flowers", Picture(server)))[0];
        Assert.Equal(["birds", "flowers"], told.GetProperty("tasks").EnumerateArray().Select(name => name.GetString()));
        JsonElement best = (await server.JsonAsync(server.PostAsync("/models/flowers", BankFiles.Picture(1))))[0];
        Assert.Equal(best.GetProperty("label").GetString(), told.GetProperty("best").GetProperty("label").GetString());
        Assert.Equal([1, 4], told.GetProperty("shape").EnumerateArray().Select(length => length.GetInt32()));
        Assert.Equal(404, told.GetProperty("status").GetInt32());
        Assert.Contains("nobody", told.GetProperty("reason").GetString());
    }

    [Fact]
    public async Task The_page_answers_shows_attention_and_fits_a_phone()
    {
        SkipUnlessInstalled("puppeteer-core");
        string chromium = Tool("chromium", "chromium-browser", "google-chrome");
        await using RunningServer server = await RunningServer.StartAsync();
        JsonElement seen = Lines(await RunAsync("node", "page.mjs", chromium, Url(server), Picture(server), server.Files.Folder))[0];
        JsonElement[] cards = [.. seen.GetProperty("cards").EnumerateArray()];
        Assert.Equal(["birds", "flowers"], cards.Select(card => card.GetProperty("task").GetString()));
        foreach (JsonElement card in cards)
        {
            JsonElement best = (await server.JsonAsync(server.PostAsync($"/models/{card.GetProperty("task").GetString()}", BankFiles.Picture(1))))[0];
            Assert.Equal(best.GetProperty("label").GetString(), card.GetProperty("best").GetString());
            Assert.True(card.GetProperty("attention").GetInt32() > 0);
        }

        Assert.StartsWith("2 answers in", seen.GetProperty("status").GetString());
        Assert.Contains("curl --data-binary", seen.GetProperty("code").GetString());
        Assert.Contains("HttpClient", seen.GetProperty("csharp").GetString());
        Assert.Contains("No task has such a name", seen.GetProperty("nobody").GetString());
        Assert.InRange(seen.GetProperty("wide").GetInt32(), 1, 1280);
        Assert.InRange(seen.GetProperty("phone").GetInt32(), 1, 390);
        Assert.NotEqual("rgb(255, 255, 255)", seen.GetProperty("dark").GetString());
        Assert.Empty(seen.GetProperty("faults").EnumerateArray());
        foreach (string picture in (string[])["light.png", "dark.png", "phone.png"]) Assert.True(new FileInfo(server.Files[picture]).Length > 5000, picture);
    }

    [Fact]
    public async Task Prometheus_own_check_finds_nothing_wrong_with_the_metrics()
    {
        string promtool = Tool("promtool");
        await using RunningServer server = await RunningServer.StartAsync();
        await server.JsonAsync(server.PostAsync("/models/flowers", BankFiles.Picture(1)));
        string metrics = await server.Client.GetStringAsync("/metrics");
        Assert.Contains("adaptformer_questions_total", metrics);
        await RunOnAsync(metrics, promtool, "check", "metrics");
    }

    [Theory]
    [InlineData("hey")]
    [InlineData("wrk")]
    public async Task Load_from_programs_made_for_it_is_answered(string name)
    {
        string tool = Tool(name);
        await using RunningServer server = await RunningServer.StartAsync();
        string said = name == "hey"
            ? await RunAsync(tool, "-n", "200", "-c", "8", "-m", "POST", "-T", "application/octet-stream", "-D", Picture(server), $"{Url(server)}/models/flowers")
            : await WrkAsync(2);
        output.WriteLine(said);
        if (name == "hey") Assert.Matches(@"\[200\]\s+200 responses", said);
        else Assert.Matches(AnsweredSome, said);
        Assert.DoesNotContain("Non-2xx", said);
        Assert.DoesNotContain("Error distribution", said);

        // It knows no number of requests, only seconds; a machine that others keep busy may need more of them for the first answer.
        async Task<string> WrkAsync(int seconds)
        {
            string said = await RunAsync(tool, "-t", "1", "-c", "8", "-d", $"{seconds}", "--latency", "-s", "tasks.lua", Url(server), "--", Picture(server), "flowers", "birds");
            return seconds >= 32 || System.Text.RegularExpressions.Regex.IsMatch(said, AnsweredSome) ? said : await WrkAsync(2 * seconds);
        }
    }

    private static string Url(RunningServer server) => server.Client.BaseAddress!.ToString().TrimEnd('/');

    private static string Picture(RunningServer server)
    {
        string path = server.Files["picture.pgm"];
        File.WriteAllBytes(path, BankFiles.Picture(1));
        return path;
    }

    private static void SkipUnlessInstalled(string package)
    {
        Tool("node", "nodejs");
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", package)), $"{package} is not installed: run 'npm ci' in tools/clients.");
    }

    /// <summary>The first of some programs that is on the PATH; the test is skipped if none is.</summary>
    private static string Tool(params string[] names)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string? found = names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, $"{names[0]} is not installed.");
        return found!;
    }

    private static JsonElement[] Lines(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static Task<string> RunAsync(string program, params string[] arguments) => RunOnAsync("", program, arguments);

    /// <summary>Runs a program that reads a text; its end must be a success.</summary>
    private static async Task<string> RunOnAsync(string input, string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            Task<string> said = process.StandardOutput.ReadToEndAsync(), complained = process.StandardError.ReadToEndAsync();
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience);
            Assert.True(process.ExitCode == 0, $"{Path.GetFileName(program)} ended with {process.ExitCode}: {await complained}{await said}");
            return await said;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
