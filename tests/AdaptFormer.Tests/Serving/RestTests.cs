using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AdaptFormer.Inference;
using AdaptFormer.Tests.Inference.Bank;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Serving;

/// <summary>What clients of the Open Inference Protocol and of Hugging Face ask over HTTP/1.1, and what they are told.</summary>
public sealed class RestTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_protocol_tells_what_there_is()
    {
        Assert.Equal("adaptformer", (await _server.JsonAsync(Get("/v2"))).GetProperty("name").GetString());
        Assert.True((await _server.JsonAsync(Get("/v2/health/live"))).GetProperty("live").GetBoolean());
        Assert.True((await _server.JsonAsync(Get("/v2/health/ready"))).GetProperty("ready").GetBoolean());
        Assert.True((await _server.JsonAsync(Get("/v2/models/flowers/ready"))).GetProperty("ready").GetBoolean());
        JsonElement model = await _server.JsonAsync(Get("/v2/models/flowers"));
        Assert.Equal("image BYTES [-1], pixels FP32 [-1, 3, 16, 16]", Shown(model.GetProperty("inputs")));
        Assert.Equal("probabilities FP32 [-1, 4], logits FP32 [-1, 4], label BYTES [-1]", Shown(model.GetProperty("outputs")));
        JsonElement index = await _server.JsonAsync(_server.PostAsync("/v2/repository/index", []));
        Assert.Equal(["birds", "flowers"], index.EnumerateArray().Select(entry => entry.GetProperty("name").GetString()));
        JsonElement tasks = await _server.JsonAsync(Get("/tasks"));
        Assert.Equal(["birds", "flowers"], tasks.GetProperty("tasks").EnumerateArray().Select(task => task.GetProperty("name").GetString()));

        static string Shown(JsonElement tensors) => string.Join(", ", tensors.EnumerateArray().Select(tensor =>
            $"{tensor.GetProperty("name").GetString()} {tensor.GetProperty("datatype").GetString()} [{string.Join(", ", tensor.GetProperty("shape").EnumerateArray())}]"));
    }

    [Fact]
    public async Task Pictures_in_base64_pictures_behind_the_json_and_tensors_get_the_answers_of_the_bank()
    {
        byte[][] pictures = [BankFiles.Picture(1), BankFiles.Picture(2)];
        TaskAnswer[] expected = [.. pictures.Select(picture => _server.Bank.Ask(picture, "flowers"))];
        float[] logits = [.. expected.SelectMany(answer => answer.Logits)];

        JsonElement json = await _server.JsonAsync(_server.Client.PostAsJsonAsync("/v2/models/flowers/infer", new
        {
            id = "7",
            inputs = new[] { new { name = "image", datatype = "BYTES", shape = new[] { 2 }, data = pictures.Select(Convert.ToBase64String) } },
        }));
        Assert.Equal(("flowers", "7", "1"), (json.GetProperty("model_name").GetString(), json.GetProperty("id").GetString(), json.GetProperty("model_version").GetString()));
        AssertClose(logits, Numbers(json, "logits"));
        AssertClose([.. expected.SelectMany(answer => answer.Best(4, 0).OrderBy(score => score.Index).Select(score => (float)score.Probability))], Numbers(json, "probabilities"));
        Assert.Equal(expected.Select(answer => answer.Best(1)[0].Label), Output(json, "label").GetProperty("data").EnumerateArray().Select(label => label.GetString()));

        using MemoryStream raw = new();
        foreach (byte[] picture in pictures)
        {
            raw.Write(BitConverter.GetBytes(picture.Length));
            raw.Write(picture);
        }

        string header = $$$"""{"inputs":[{"name":"image","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":{{{raw.Length}}}}}],"outputs":[{"name":"label"},{"name":"logits","parameters":{"binary_data":true}}]}""";
        using ByteArrayContent content = new([.. Encoding.UTF8.GetBytes(header), .. raw.ToArray()]);
        content.Headers.Add("Inference-Header-Content-Length", $"{header.Length}");
        using HttpResponseMessage response = await _server.Client.PostAsync("/v2/models/flowers/versions/1/infer", content);
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        Assert.True(response.IsSuccessStatusCode, Encoding.UTF8.GetString(body));
        int length = int.Parse(response.Headers.GetValues("Inference-Header-Content-Length").Single());
        JsonElement binary = JsonDocument.Parse(body.AsMemory(0, length)).RootElement;
        Assert.Equal(["label", "logits"], binary.GetProperty("outputs").EnumerateArray().Select(output => output.GetProperty("name").GetString()));
        Assert.Equal(2 * 4 * sizeof(float), Output(binary, "logits").GetProperty("parameters").GetProperty("binary_data_size").GetInt32());
        AssertClose(logits, MemoryMarshal.Cast<byte, float>(body.AsSpan(length)).ToArray());

        float[] tensor = [.. Enumerable.Range(0, 768).Select(i => MathF.Sin(i))];
        float[] direct = _server.Bank.Ask(VisualInput.Tensor(tensor), "birds").Logits;
        JsonElement flat = await Infer("birds", new[] { 1, 3, 16, 16 }, tensor);
        AssertClose(direct, Numbers(flat, "logits"));
        JsonElement nested = await Infer("birds", new[] { 1, 3, 16, 16 }, tensor.Chunk(256).Select(plane => plane.Chunk(16)));
        AssertClose(direct, Numbers(nested, "logits"));

        Task<JsonElement> Infer(string task, int[] shape, object data) => _server.JsonAsync(_server.Client.PostAsJsonAsync(
            $"/v2/models/{task}/infer", new { inputs = new[] { new { name = "pixels", datatype = "FP32", shape, data } } }));
    }

    [Theory]
    [InlineData("application/octet-stream")]
    [InlineData("image/x-portable-graymap")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData(null)]
    public async Task A_picture_as_the_body_gets_labels_and_scores(string? type)
    {
        TaskAnswer expected = _server.Bank.Ask(BankFiles.Picture(3), "birds");
        JsonElement scores = await _server.JsonAsync(_server.PostAsync("/models/birds", BankFiles.Picture(3), type));
        Assert.Equal(expected.Best().Select(score => score.Label), scores.EnumerateArray().Select(score => score.GetProperty("label").GetString()));
        Assert.Equal(expected.Best()[0].Probability, scores[0].GetProperty("score").GetDouble(), 5);
    }

    [Fact]
    public async Task Json_with_base64_is_answered_as_the_picture_is_and_top_k_is_heard()
    {
        string picture = Convert.ToBase64String(BankFiles.Picture(3));
        JsonElement scores = await _server.JsonAsync(_server.Client.PostAsJsonAsync("/models/birds", new { inputs = picture, parameters = new { top_k = 2 } }));
        Assert.Equal(2, scores.GetArrayLength());
        Assert.Equal(3, (await _server.JsonAsync(_server.PostAsync("/models/birds?top_k=3", BankFiles.Picture(3)))).GetArrayLength());
        Assert.Equal(5, (await _server.JsonAsync(_server.Client.PostAsJsonAsync("/models/birds", new { inputs = $"data:image/png;base64,{picture}" }))).GetArrayLength());
    }

    [Fact]
    public async Task One_picture_is_asked_all_tasks_or_some_and_shows_where_they_looked()
    {
        JsonElement all = await _server.JsonAsync(_server.PostAsync("/ask", BankFiles.Picture(1)));
        Assert.Equal(["birds", "flowers"], all.GetProperty("answers").EnumerateArray().Select(answer => answer.GetProperty("task").GetString()));
        JsonElement one = await _server.JsonAsync(_server.PostAsync("/ask?tasks=flowers", BankFiles.Picture(1)));
        Assert.Equal(_server.Bank.Ask(BankFiles.Picture(1), "flowers").Best(1)[0].Label, one.GetProperty("answers")[0].GetProperty("classes")[0].GetProperty("label").GetString());
        JsonElement map = await _server.JsonAsync(_server.PostAsync("/attention/birds", BankFiles.Picture(1)));
        Assert.StartsWith("data:image/png;base64,", map.GetProperty("attention").GetString());
        Assert.Contains("class token", map.GetProperty("reader").GetString());
    }

    [Fact]
    public async Task What_cannot_be_answered_gets_its_status_and_the_reason_as_json()
    {
        byte[] picture = BankFiles.Picture(1);
        Assert.Contains("no task 'cats'; known: birds, flowers", await _server.ErrorAsync(_server.PostAsync("/models/cats", picture), HttpStatusCode.NotFound));
        Assert.Contains("no task 'cats'", await _server.ErrorAsync(Get("/v2/models/cats"), HttpStatusCode.NotFound));
        Assert.Contains("no task 'cats'", await _server.ErrorAsync(_server.PostAsync("/v2/models/cats/infer", picture), HttpStatusCode.NotFound));
        Assert.Contains("no task 'cats'", await _server.ErrorAsync(_server.PostAsync("/ask?tasks=birds,cats", picture), HttpStatusCode.NotFound));
        Assert.Contains("nothing at this address", await _server.ErrorAsync(Get("/nowhere"), HttpStatusCode.NotFound));
        Assert.Contains("another way", await _server.ErrorAsync(Get("/models/birds"), HttpStatusCode.MethodNotAllowed));
        Assert.Contains("'text/html' is no picture", await _server.ErrorAsync(_server.PostAsync("/models/birds", picture, "text/html"), HttpStatusCode.UnsupportedMediaType));
        Assert.Contains("'multipart/form-data'", await _server.ErrorAsync(_server.PostAsync("/models/birds", picture, "multipart/form-data; boundary=x"), HttpStatusCode.UnsupportedMediaType));
        await _server.ErrorAsync(_server.PostAsync("/models/birds", picture[..200]), HttpStatusCode.UnprocessableEntity);
        await _server.ErrorAsync(_server.PostAsync("/models/birds", "no picture"u8.ToArray()), HttpStatusCode.UnprocessableEntity);
        Assert.Contains("empty", await _server.ErrorAsync(_server.PostAsync("/models/birds", []), HttpStatusCode.BadRequest));
        Assert.Contains("cannot be read", await _server.ErrorAsync(_server.PostAsync("/models/birds", "{\"inputs\":"u8.ToArray(), "application/json"), HttpStatusCode.BadRequest));
        Assert.Contains("needs \"inputs\"", await _server.ErrorAsync(_server.PostAsync("/models/birds", "[1]"u8.ToArray(), "application/json"), HttpStatusCode.BadRequest));
        Assert.Contains("base64", await _server.ErrorAsync(_server.PostAsync("/models/birds", "{\"inputs\":\"%%\"}"u8.ToArray(), "application/json"), HttpStatusCode.BadRequest));
        Assert.Contains("top_k", await _server.ErrorAsync(_server.PostAsync("/models/birds?top_k=0", picture), HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData("{", "cannot be read")]
    [InlineData("null", "cannot be read")]
    [InlineData("{}", "needs inputs")]
    [InlineData("{\"inputs\":[null]}", "needs inputs")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1]}]}", "neither data nor")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"AAAA\"]}]}", "its shape says 2")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[7]}]}", "base64")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[7]}]}", "expected 'image' BYTES")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[-1],\"data\":[]}]}", "1 to 64")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[9000000000],\"data\":[]}]}", "1 to 64")]
    [InlineData("{\"inputs\":[{\"name\":\"pixels\",\"datatype\":\"FP32\",\"shape\":[1,3,16,16],\"data\":[1,2]}]}", "2 numbers")]
    [InlineData("{\"inputs\":[{\"name\":\"pixels\",\"datatype\":\"FP32\",\"shape\":[1,3,8,8],\"data\":[1,2]}]}", "[N, 3, 16, 16]")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"parameters\":{\"binary_data_size\":5}}]}", "0 bytes are left")]
    [InlineData("{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"AAAA\"]}],\"outputs\":[{\"name\":\"x\"}]}", "no output 'x'")]
    public async Task A_question_that_is_not_as_the_protocol_has_it_is_told_what_is_wrong(string json, string reason) =>
        Assert.Contains(reason, await _server.ErrorAsync(_server.PostAsync("/v2/models/birds/infer", Encoding.UTF8.GetBytes(json), "application/json"), HttpStatusCode.BadRequest));

    [Theory]
    [InlineData("/models/..%2F..%2Fetc%2Fpasswd")]
    [InlineData("/models/%00")]
    [InlineData("/models/flowers%2F..")]
    [InlineData("/models/.hidden")]
    [InlineData("/v2/models/%2e%2e%2f%2e%2e/infer")]
    [InlineData("/models/con%0d%0aSet-Cookie:x")]
    public async Task Tricks_in_names_find_nothing(string address)
    {
        using HttpResponseMessage response = await _server.PostAsync(address, BankFiles.Picture(1));
        Assert.Contains(response.StatusCode, new[] { HttpStatusCode.NotFound, HttpStatusCode.BadRequest, HttpStatusCode.MethodNotAllowed });
        Assert.False(response.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Metrics_tell_what_was_asked_and_the_document_what_can_be()
    {
        await _server.JsonAsync(_server.PostAsync("/models/birds", BankFiles.Picture(1)));
        await _server.ErrorAsync(_server.PostAsync("/models/stranger", BankFiles.Picture(1)), HttpStatusCode.NotFound);
        string metrics = await _server.Client.GetStringAsync("/metrics");
        Assert.Matches("adaptformer_questions_total\\{[^}]*outcome=\"answered\"[^}]*task=\"birds\"[^}]*\\} [1-9]", metrics);
        Assert.Contains("adaptformer_batch_rows", metrics);
        Assert.Contains("adaptformer_tasks", metrics);
        Assert.DoesNotContain("stranger", metrics);
        JsonElement document = JsonDocument.Parse(await _server.Client.GetStringAsync("/openapi/v1.json")).RootElement;
        foreach (string path in (string[])["/v2/models/{task}/infer", "/models/{task}", "/ask", "/v2/health/ready"]) Assert.True(document.GetProperty("paths").TryGetProperty(path, out _), path);
        JsonElement infer = document.GetProperty("paths").GetProperty("/v2/models/{task}/infer").GetProperty("post");
        Assert.True(infer.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out _));
    }

    [Fact]
    public async Task The_page_loads_nothing_from_elsewhere()
    {
        using HttpResponseMessage page = await _server.Client.GetAsync("/");
        string html = await page.Content.ReadAsStringAsync();
        Assert.Contains("default-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single());
        foreach (string file in (string[])["/page.js", "/page.css", "/favicon.svg"])
        {
            Assert.Contains(file, html);
            string content = await _server.Client.GetStringAsync(file);
            Assert.DoesNotContain("https://", content);
        }
    }

    private Task<HttpResponseMessage> Get(string address) => _server.Client.GetAsync(address);

    private static JsonElement Output(JsonElement answer, string name) => answer.GetProperty("outputs").EnumerateArray().Single(output => output.GetProperty("name").GetString() == name);

    private static float[] Numbers(JsonElement answer, string name) => [.. Output(answer, name).GetProperty("data").EnumerateArray().Select(number => number.GetSingle())];

    private static void AssertClose(float[] expected, float[] actual) => ParityCase.AssertClose("answer", expected, actual, 1e-6);
}
