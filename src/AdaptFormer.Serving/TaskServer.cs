using System.Net;
using AdaptFormer.Inference;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AdaptFormer.Serving;

/// <summary>
/// A bank of tasks over HTTP: the Open Inference Protocol over REST and gRPC, pictures as bodies, a page, metrics and traces. What it took
/// it answers before it ends.
/// </summary>
public sealed class TaskServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServerState _state;
    private readonly ServerMetrics _metrics;
    private readonly BodyReader _bodies;
    private readonly ILogger _log;
    private TaskFolder? _folder;

    private TaskServer(WebApplication app, ServerState state, ServerMetrics metrics, BodyReader bodies)
    {
        (_app, _state, _metrics, _bodies) = (app, state, metrics, bodies);
        _log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("AdaptFormer.Serving");
    }

    /// <summary>Where it listens, with the ports that were chosen where 0 was asked for.</summary>
    public IReadOnlyList<string> Addresses => [.. _app.Urls];

    /// <summary>The files of the folder that are no tasks, with the reasons.</summary>
    public IReadOnlyDictionary<string, string> Refused => _folder?.Refused ?? new Dictionary<string, string>();

    /// <summary>Bytes of bodies that are being read now.</summary>
    internal long HeldBodyBytes => _bodies.Held;

    /// <summary>Starts to listen, reads the tasks of a folder, and is ready then.</summary>
    /// <param name="bank">The bank, which stays the caller's.</param>
    /// <param name="folder">The folder of tasks, watched from then on; null if the caller loads the tasks.</param>
    /// <param name="options">Where it listens, and its limits.</param>
    /// <param name="cancellation">Gives the start up.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">An address is in use, or cannot be listened at.</exception>
    /// <exception cref="ArgumentException">An address is no address.</exception>
    public static async Task<TaskServer> StartAsync(
        TaskBank bank, string? folder, ServerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new ServerOptions();
        if (folder is not null && !Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder}: there is no such folder of tasks.");
        BodyReader bodies = new(options);
        ServerState state = new();
        ServerMetrics metrics = new(bank, bodies);
        Access access = new(options.Keys);
        WebApplicationBuilder builder = Builder(options);
        builder.Services.AddSingleton(bank).AddSingleton(access).AddSingleton(metrics).AddSingleton(state);
        WebApplication app = builder.Build();
        TaskServer server = new(app, state, metrics, bodies);
        try
        {
            server.Map(bank, bodies, access, options);
            await app.StartAsync(cancellation).ConfigureAwait(false);
            if (folder is not null)
                server._folder = await TaskFolder.OpenAsync(bank, folder, server.Report, cancellation: cancellation).ConfigureAwait(false);
            state.IsReady = true;
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes no more, and answers what it took.</summary>
    public async ValueTask DisposeAsync()
    {
        _state.IsReady = false;
        _folder?.Dispose();
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    private static WebApplicationBuilder Builder(ServerOptions options)
    {
        WebApplicationBuilder builder =
            WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = typeof(TaskServer).Assembly.GetName().Name });
        builder.Configuration.Sources.Clear();      // its options are those of the call; files of the folder that it runs in change nothing
        builder.Configuration.AddInMemoryCollection(TelemetryVariables());
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Grpc", LogLevel.Warning);
        if (options.JsonLogs) builder.Logging.AddJsonConsole(console =>
            (console.TimestampFormat, console.UseUtcTimestamp) = ("yyyy-MM-ddTHH:mm:ss.fffZ", true));
        else builder.Logging.AddSimpleConsole(console =>
            (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ssZ ", true));
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console =>
            console.LogToStandardErrorThreshold = LogLevel.Trace);

        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // BodyReader has the limit: it answers ahead of the end of a body, which is then read and dropped
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
            kestrel.Limits.Http2.MaxStreamsPerConnection = 100;
            foreach (string url in options.Urls) Listen(kestrel, url, HttpProtocols.Http1);
            foreach (string url in options.GrpcUrls) Listen(kestrel, url, HttpProtocols.Http2);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout);
        builder.Services.ConfigureHttpJsonOptions(json => Wire.Configure(json.SerializerOptions));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();      // signals are heard by the program
        builder.Services.AddOpenApi();
        builder.Services.AddGrpc(grpc =>
            (grpc.MaxReceiveMessageSize, grpc.IgnoreUnknownServices) = ((int)Math.Min(int.MaxValue, options.MaxBodyBytes), true));
        OpenTelemetry.OpenTelemetryBuilder telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("adaptformer"))
            .WithMetrics(metrics => metrics.AddMeter(ServerMetrics.Meters).AddPrometheusExporter());
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 })
            telemetry.WithTracing(traces => traces.AddSource(TaskBank.ActivityName).AddAspNetCoreInstrumentation().AddOtlpExporter());
        return builder;
    }

    /// <summary>What the environment says of traces: OpenTelemetry reads its variables from the configuration.</summary>
    private static IEnumerable<KeyValuePair<string, string?>> TelemetryVariables() =>
        Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .Select(variable => new KeyValuePair<string, string?>((string)variable.Key, (string?)variable.Value))
            .Where(variable => variable.Key.StartsWith("OTEL_", StringComparison.Ordinal));

    private static void Listen(KestrelServerOptions kestrel, string url, HttpProtocols protocols)
    {
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url);
        }
        catch (FormatException e)
        {
            throw new ArgumentException($"'{url}' is no address; expected for example http://127.0.0.1:5000.", e);
        }

        if (address.PathBase.Length > 0 || address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{url}' is no address to listen at; expected for example http://127.0.0.1:5000.");
        void Configure(ListenOptions listen)
        {
            bool encrypted = address.Scheme == "https";
            listen.Protocols = encrypted ? HttpProtocols.Http1AndHttp2 : protocols;
            if (encrypted) listen.UseHttps();
        }

        if (string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)) kestrel.ListenLocalhost(address.Port, Configure);
        else if (IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? ip)) kestrel.Listen(ip, address.Port, Configure);
        else if (address.Host is "*" or "+") kestrel.ListenAnyIP(address.Port, Configure);
        else throw new ArgumentException($"'{url}' names the host '{address.Host}'; expected an IP address, localhost or *.");
    }

    private void Map(TaskBank bank, BodyReader bodies, Access access, ServerOptions options)
    {
        _app.Use(GuardAsync);
        _app.UseStatusCodePages(context => Problems.WriteAsync(context.HttpContext, context.HttpContext.Response.StatusCode,
            context.HttpContext.Response.StatusCode switch
            {
                StatusCodes.Status404NotFound => "There is nothing at this address; /openapi/v1.json tells what there is.",
                StatusCodes.Status405MethodNotAllowed => "This address is asked in another way (GET or POST).",
                int status => $"The request cannot be answered ({status}).",
            }));
        _app.UseRouting();
        _app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/metrics")) access.RequireAll(context);
            return next(context);
        });
        _app.MapOpenApi();
        _app.MapPrometheusScrapingEndpoint();
        new ProtocolEndpoints(bank, bodies, access, _metrics, () => _state.IsReady).Map(_app);
        new TaskEndpoints(bank, bodies, access, _metrics, () => Refused).Map(_app);
        TryOutPage.Map(_app);
        if (options.GrpcUrls.Count > 0) _app.MapGrpcService<GrpcInference>();
    }

    /// <summary>Answers what goes wrong with a status, a reason and JSON, and keeps what clients do wrong out of the log.</summary>
    private async Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            await next(context).ConfigureAwait(false);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody reads the answer.
        }
        catch (Exception error)
        {
            (int status, string message) = Problems.Of(error);
            if (context.Request.RouteValues.TryGetValue("task", out object? task)) _metrics.Count($"{task}", status);
            if (status >= StatusCodes.Status500InternalServerError && status != StatusCodes.Status503ServiceUnavailable)
                _log.LogError(error, "{Method} {Path} failed", context.Request.Method, context.Request.Path.Value);
            await Problems.WriteAsync(context, status, message).ConfigureAwait(false);
        }
    }

    private void Report(TaskFolderChange change)
    {
        _metrics.Count(change);
        if (change.Kind == TaskChange.Refused) _log.LogWarning("Task {Task} refused: {Reason}", change.Task, change.Reason);
        else _log.LogInformation("Task {Task} {Change} in {Milliseconds:0.0} ms", change.Task, change.Kind, change.Took.TotalMilliseconds);
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
