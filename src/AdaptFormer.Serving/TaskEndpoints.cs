using System.Diagnostics;
using System.Net.Mime;
using System.Text.Json;
using AdaptFormer.Inference;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AdaptFormer.Serving;

/// <summary>
/// Pictures as bodies: one task as Hugging Face clients ask it, several tasks at once, and where a task looked.
/// </summary>
/// <param name="bank">The bank.</param>
/// <param name="bodies">Reads bodies.</param>
/// <param name="access">Who may ask what.</param>
/// <param name="metrics">Counts.</param>
/// <param name="refused">The files of the folder that are no tasks, with the reasons.</param>
internal sealed class TaskEndpoints(
    TaskBank bank, BodyReader bodies, Access access, ServerMetrics metrics, Func<IReadOnlyDictionary<string, string>> refused)
{
    private const int TopK = 5, MapSide = 224;

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/tasks", List).Produces<TaskList>().WithSummary("All tasks that the caller's key may ask.");
        routes.MapPost("/models/{task}", ClassifyAsync).Produces<LabelScore[]>().Produces<ErrorBody>(404).TakesPictures()
            .WithSummary("Image classification as Hugging Face clients ask for it.");
        routes.MapPost("/ask", (Delegate)AskAsync).Produces<AskResponse>().Produces<ErrorBody>(404).TakesPictures()
            .WithSummary("One picture or clip, many tasks: those of ?tasks=a,b, or all.");
        routes.MapPost("/attention/{task}", AttendAsync).Produces<AttentionBody>().Produces<ErrorBody>(404).TakesPictures()
            .WithSummary("Where a task looked.");
    }

    private IResult List(HttpContext context)
    {
        access.RequireKey(context);
        TaskSummary[] tasks =
        [
            .. bank.Tasks.Where(task => access.Allows(context, task.Name)).Select(task => new TaskSummary(
                task.Name, task.Info.Tuning.Method, task.Info.Labels.Count, [.. task.Info.Labels.Take(1000)], task.Info.MultiLabel,
                task.IsResident, task.IsTested, task.Bytes, task.Info.Bits, task.Version, task.Info.Metrics)),
        ];
        IReadOnlyDictionary<string, string> reasons = refused().Where(file => access.Allows(context, file.Key)).ToDictionary();
        return Wire.Answer(new TaskList(bank.Model.Id, bank.Model.ReadsClips, tasks, reasons));
    }

    private async Task<IResult> ClassifyAsync(HttpContext context, string task)
    {
        access.Require(context, task);
        if (bank.Find(task) is null) throw new UnknownTaskException(task, Known(context));
        using BodyReader.Body body = await bodies.ReadAsync(context.Request, context.RequestAborted).ConfigureAwait(false);
        (VisualInput input, int topK) = Picture(context.Request, body.Content);
        TaskAnswer answer = await bank.AskAsync(input, task, context.RequestAborted).ConfigureAwait(false);
        metrics.Count(task, StatusCodes.Status200OK);
        return Wire.Answer(Scores(answer, topK));
    }

    private async Task<IResult> AskAsync(HttpContext context)
    {
        access.RequireKey(context);
        string? chosen = context.Request.Query["tasks"];
        string[] tasks = chosen is { Length: > 0 }
            ? [.. chosen.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct()]
            : [.. Known(context)];
        foreach (string task in tasks)
        {
            access.Require(context, task);
            if (bank.Find(task) is null) throw new UnknownTaskException(task, Known(context));
        }

        using BodyReader.Body body = await bodies.ReadAsync(context.Request, context.RequestAborted).ConfigureAwait(false);
        (VisualInput input, int topK) = Picture(context.Request, body.Content);
        long began = Stopwatch.GetTimestamp();
        IReadOnlyList<TaskAnswer> answers = await bank.AskAsync(input, tasks, context.RequestAborted).ConfigureAwait(false);
        foreach (string task in tasks) metrics.Count(task, StatusCodes.Status200OK);
        return Wire.Answer(new AskResponse(
            [.. answers.Select(answer => new TaskResult(answer.Task, Scores(answer, topK)))],
            Stopwatch.GetElapsedTime(began).TotalMilliseconds));
    }

    private async Task<IResult> AttendAsync(HttpContext context, string task)
    {
        access.Require(context, task);
        if (bank.Find(task) is not { } banked) throw new UnknownTaskException(task, Known(context));
        using BodyReader.Body body = await bodies.ReadAsync(context.Request, context.RequestAborted).ConfigureAwait(false);
        (VisualInput input, _) = Picture(context.Request, body.Content);
        (AttentionMaps maps, ReadOnlyMemory<float> seen) =
            await bank.AttendAsync(input, task, context.RequestAborted).ConfigureAwait(false);
        using HeatMap drawn = new(seen.Span, bank.Model.InputShape, banked.Info.Preprocessing, maps.Grid, MapSide);
        return Wire.Answer(new AttentionBody(
            task, maps.Reader, drawn.Picture(), drawn.Over(maps.Mean), maps.Rollout is null ? null : drawn.Over(maps.Rollout)));
    }

    /// <summary>Names of the tasks that the caller may ask.</summary>
    private string[] Known(HttpContext context) => [.. bank.Tasks.Select(task => task.Name).Where(task => access.Allows(context, task))];

    private static LabelScore[] Scores(TaskAnswer answer, int topK) =>
        [.. answer.Best(topK, threshold: 0).Select(score => new LabelScore(score.Label, Math.Round(score.Probability, 6)))];

    /// <summary>The picture or clip of a body: its bytes, or JSON with them in base64.</summary>
    private static (VisualInput Input, int TopK) Picture(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        int topK = int.TryParse(request.Query["top_k"], out int asked) ? asked : TopK;
        string type = request.ContentType is { Length: > 0 } header ? Cleaned(header) : "";
        ReadOnlyMemory<byte> picture = body;
        if (type == "application/json") (picture, topK) = FromJson(body, topK);
        else if (!IsPicture(type))
            throw new RefusedException(StatusCodes.Status415UnsupportedMediaType,
                $"'{type}' is no picture: send its bytes (image/*, video/*, application/octet-stream), or JSON.");
        if (picture.Length == 0) throw new ArgumentException("The body is empty; send a picture or clip.");
        if (topK is < 1 or > 1000) throw new ArgumentException($"top_k is {topK}; 1 to 1000 are possible.");
        return (VisualInput.Bytes(picture), topK);
    }

    private static string Cleaned(string header)
    {
        try
        {
            return new ContentType(header).MediaType;
        }
        catch (FormatException)
        {
            throw new RefusedException(StatusCodes.Status415UnsupportedMediaType, "The content type cannot be read.");
        }
    }

    // curl calls a body by this last name unless told otherwise.
    private static bool IsPicture(string type) => type.Length == 0 || type.StartsWith("image/", StringComparison.OrdinalIgnoreCase)
        || type.StartsWith("video/", StringComparison.OrdinalIgnoreCase)
        || type is "application/octet-stream" or "application/x-www-form-urlencoded";

    private static (ReadOnlyMemory<byte> Picture, int TopK) FromJson(ReadOnlyMemory<byte> body, int topK)
    {
        using JsonDocument json = JsonDocument.Parse(body);
        JsonElement root = json.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("inputs", out JsonElement inputs)
            || inputs.ValueKind != JsonValueKind.String)
            throw new ArgumentException("The JSON needs \"inputs\": the picture in base64.");
        if (root.TryGetProperty("parameters", out JsonElement parameters) && parameters.ValueKind == JsonValueKind.Object
            && parameters.TryGetProperty("top_k", out JsonElement k))
            topK = k.ValueKind == JsonValueKind.Number && k.TryGetInt32(out int asked)
                ? asked : throw new ArgumentException("top_k is no whole number.");
        return (InferBody.FromBase64(inputs.GetString()!), topK);
    }
}
