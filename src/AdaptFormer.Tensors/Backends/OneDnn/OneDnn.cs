using System.Runtime.CompilerServices;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// The optional oneDNN library of this machine: looked for once, at the first use. Without it, or with
/// <c>ADAPTFORMER_BACKEND=managed</c> or <c>ADAPTFORMER_NATIVE=off</c> in the environment, the managed kernels do all the work.
/// </summary>
public static class OneDnn
{
    /// <summary>Environment variable that chooses the provider of matrix products; <c>managed</c> leaves oneDNN alone.</summary>
    public const string BackendVariable = "ADAPTFORMER_BACKEND";

    private static readonly Lazy<Probe> State = new(Load);
    private static readonly Lazy<OneDnnMatMul?> Shared = new(() => Create(ManagedMatMul.Instance));

    /// <summary>A usable oneDNN was found.</summary>
    public static bool Available => State.Value.Runtime is not null;

    /// <summary>For example <c>2.6.3</c>; null when there is none.</summary>
    public static string? Version => State.Value.Runtime?.Version;

    /// <summary>
    /// Whether its bf16 products run in blocked kernels on this CPU; faster than f32 they are only where
    /// <see cref="OneDnnMatMul.FastBFloat16"/> says so.
    /// </summary>
    public static bool BlockedBFloat16 => State.Value.Runtime?.BlockedBFloat16 ?? false;

    /// <summary>Whether bf16 products are the faster ones here, and why, in words that follow "as".</summary>
    public static (bool Faster, string Why) BFloat16 => State.Value.Runtime is { } runtime
        ? BFloat16Speed.Of(runtime.BFloat16Kernel, BFloat16Speed.Vendor)
        : (false, "only oneDNN multiplies bf16 faster than f32, and it is not in use");

    /// <summary>Whether its f32 products run in blocked kernels on this CPU; without them it does attention only.</summary>
    internal static bool BlockedKernels => State.Value.Runtime?.BlockedKernels ?? false;

    /// <summary>One sentence: what was found, or why there is none and what to install.</summary>
    public static string Why => State.Value.Why;

    /// <summary>oneDNN with the managed kernels behind it for what it does not do; null when there is none.</summary>
    internal static OneDnnMatMul? Library => Shared.Value;

    /// <summary>oneDNN with <paramref name="fallback"/> behind it for what it does not do; null when there is none.</summary>
    internal static OneDnnMatMul? Create(MatMulLibrary fallback) =>
        State.Value.Runtime is { } runtime ? new OneDnnMatMul(runtime, fallback) : null;

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255",
        Justification = "The CPU's code knows no library; each makes itself known.")]
    internal static void Register() => MatMulLibrary.Native = static () => Create(ManagedMatMul.Instance);

    private static Probe Load()
    {
        if (NativeSwitch.Off) return new Probe(null, $"oneDNN is {NativeSwitch.Hidden}.");
        string? backend = Environment.GetEnvironmentVariable(BackendVariable);
        if (string.Equals(backend, "managed", StringComparison.OrdinalIgnoreCase))
            return new Probe(null, $"oneDNN is not used: {BackendVariable} is 'managed'.");

        string what = "oneDNN";
        try
        {
            if (OneDnnRuntime.TryLoad(out string why) is not { } runtime) return new Probe(null, why);
            what = $"oneDNN {runtime.Version} ({runtime.File})";
            if (SelfCheck.Run(runtime) is { } error) return new Probe(null, $"{what} is not used: {error}.");
            string how = runtime switch
            {
                { BlockedKernels: false } => "only those of attention, as it has no blocked kernels for this CPU",
                { BlockedBFloat16: false } => "without bf16 on this CPU",
                _ => "f32 and bf16",
            };
            return new Probe(runtime, $"{what} runs matrix products, {how}.");
        }
        catch (Exception error) when (error is OneDnnException or EntryPointNotFoundException or BadImageFormatException)
        {
            return new Probe(null, $"{what} is not used: {error.Message}");
        }
    }

    private sealed record Probe(OneDnnRuntime? Runtime, string Why);
}
