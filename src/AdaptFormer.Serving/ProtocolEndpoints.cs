using AdaptFormer.Inference;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AdaptFormer.Serving;

/// <summary>The Open Inference Protocol, version 2, over REST; a task is a model of it.</summary>
/// <param name="bank">The bank.</param>
/// <param name="bodies">Reads bodies.</param>
/// <param name="access">Who may ask what.</param>
/// <param name="metrics">Counts.</param>
/// <param name="isReady">Whether the server is ready.</param>
internal sealed class ProtocolEndpoints(TaskBank bank, BodyReader bodies, Access access, ServerMetrics metrics, Func<bool> isReady)
{
    /// <summary>What the server calls itself.</summary>
    public static ServerMetadata Server { get; } = new(
        "adaptformer", typeof(ProtocolEndpoints).Assembly.GetName().Version!.ToString(3), ["binary_tensor_data", "model_repository"]);

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder v2 = routes.MapGroup("/v2");
        v2.MapGet("", () => Wire.Answer(Server)).Produces<ServerMetadata>().WithSummary("What the server is.");
        v2.MapGet("/health/live", () => Wire.Answer(new LiveBody(true))).Produces<LiveBody>()
            .WithSummary("Whether the server lives.");
        v2.MapGet("/health/ready", () => Wire.Answer(new ReadyBody(isReady()), isReady() ? 200 : 503))
            .Produces<ReadyBody>().Produces<ReadyBody>(503).WithSummary("Whether its tasks are read and it takes questions.");
        v2.MapPost("/repository/index", Index).Produces<IReadOnlyList<RepositoryEntry>>().WithSummary("All tasks.");
        foreach (string model in (string[])["/models/{task}", "/models/{task}/versions/{version}"])
        {
            v2.MapGet(model, Describe).Produces<ModelMetadata>().Produces<ErrorBody>(404)
                .WithSummary("What a task reads and answers with.");
            v2.MapGet(model + "/ready", Ready).Produces<ReadyBody>().Produces<ErrorBody>(404).WithSummary("Whether a task is there.");
            v2.MapPost(model + "/infer", InferAsync).Produces<InferResponse>().Produces<ErrorBody>(404).Produces<ErrorBody>(503)
                .TakesInferRequest().WithSummary("Asks a task about pictures, clips or tensors.");
        }
    }

    /// <summary>What a task reads and answers with.</summary>
    public static ModelMetadata MetadataOf(TaskBank bank, string name)
    {
        BankedTask task = bank.Find(name) ?? throw new UnknownTaskException(name, [.. bank.Tasks.Select(known => known.Name)]);
        int classes = task.Info.Labels.Count;
        long[] pixels = [-1, .. bank.Model.InputShape.Dims.ToArray().Select(d => (long)d)];
        return new ModelMetadata(
            name, [$"{task.Version}"], "adaptformer", [new(Inquiry.Image, "BYTES", [-1]), new(Inquiry.Pixels, "FP32", pixels)],
            [.. Inquiry.Outputs.Select(output => new TensorMetadata(output, Inquiry.TypeOf(output), output == Inquiry.Label
                ? [-1] : [-1, classes]))]);
    }

    private IResult Index(HttpContext context)
    {
        access.RequireKey(context);
        return Wire.Answer(
            bank.Tasks.Where(task => access.Allows(context, task.Name))
                .Select(task => new RepositoryEntry(task.Name, $"{task.Version}", "READY")).ToArray());
    }

    private IResult Describe(HttpContext context, string task)
    {
        access.Require(context, task);
        return Wire.Answer(MetadataOf(bank, task));
    }

    private IResult Ready(HttpContext context, string task)
    {
        access.Require(context, task);
        MetadataOf(bank, task);
        return Wire.Answer(new ReadyBody(isReady(), task));
    }

    private async Task<IResult> InferAsync(HttpContext context, string task)
    {
        access.Require(context, task);
        BankedTask banked = bank.Find(task) ?? throw new UnknownTaskException(task,
            [.. bank.Tasks.Select(known => known.Name).Where(known => access.Allows(context, known))]);
        using BodyReader.Body body = await bodies.ReadAsync(context.Request, context.RequestAborted).ConfigureAwait(false);
        string? jsonLength = context.Request.Headers[InferBody.JsonLength];
        (InferRequest request, IReadOnlyList<VisualInput> inputs) = InferBody.Read(bank, body.Content, jsonLength);
        Inquiry.Chosen([.. (request.Outputs ?? []).Select(output => output.Name)]);
        TaskAnswer[] answers = await Inquiry.AskAsync(bank, task, inputs, context.RequestAborted).ConfigureAwait(false);
        metrics.Count(task, StatusCodes.Status200OK, answers.Length);
        (byte[] answer, int? json) = InferBody.Write(request, task, banked.Version, answers);
        if (json is not { } length) return Results.Bytes(answer, "application/json");
        context.Response.Headers[InferBody.JsonLength] = $"{length}";
        return Results.Bytes(answer, "application/octet-stream");
    }
}

/// <summary>A task in the index of the protocol's repository extension.</summary>
internal sealed record RepositoryEntry(string Name, string Version, string State);
