using AdaptFormer.Inference;

namespace AdaptFormer.Serving;

/// <summary>Where a server listens, and its limits.</summary>
public sealed record ServerOptions
{
    /// <summary>Addresses of REST, the page and the metrics; this machine alone by default.</summary>
    public IReadOnlyList<string> Urls { get; init; } = ["http://127.0.0.1:5000"];

    /// <summary>
    /// Addresses of gRPC, which needs HTTP/2: without encryption a port cannot speak both. None for no gRPC.
    /// </summary>
    public IReadOnlyList<string> GrpcUrls { get; init; } = ["http://127.0.0.1:5001"];

    /// <summary>Who may ask what; everybody everything if null.</summary>
    public ApiKeys? Keys { get; init; }

    /// <summary>Most bytes of a request's body (413 beyond it).</summary>
    public long MaxBodyBytes { get; init; } = 10 << 20;

    /// <summary>Most bytes of all bodies that are in memory at one time (503 beyond it).</summary>
    public long MaxBodiesBytes { get; init; } = 256 << 20;

    /// <summary>Most connections at one time; further ones are closed.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>How long a request's body may take to come (408 beyond it).</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long what was taken may take when the server ends.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Logs as one JSON object a line, in place of text.</summary>
    public bool JsonLogs { get; init; }

    /// <summary>What the bank of a server does by default: it refuses what does not fit into its queue, and gives up what waits too
    /// long.</summary>
    public static TaskBankOptions BankDefaults { get; } = new(
        WhenFull: WhenFull.Refuse, Deadline: TimeSpan.FromSeconds(30), Inputs: new InputLimits(MaxBytes: 10 << 20));
}
