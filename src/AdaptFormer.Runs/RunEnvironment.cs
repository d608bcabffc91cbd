using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Runs;

/// <summary>Where a run ran: <c>environment.json</c>. Names no user and no machine.</summary>
/// <param name="Version">Version of this program.</param>
/// <param name="OperatingSystem">Name and version of the system.</param>
/// <param name="Architecture">Instruction set architecture, for example <c>X64</c>.</param>
/// <param name="Runtime">Version of .NET, and for native code the level of instructions that it was compiled for.</param>
/// <param name="Cores">Processors that this process may use.</param>
/// <param name="Threads">Of those, how many compute.</param>
/// <param name="MemoryBytes">Memory that this process may use.</param>
/// <param name="CpuFeatures">What of the CPU's instruction sets matters here; see <see cref="Runs.CpuFeatures"/>.</param>
/// <param name="Backend">What runs the arithmetic, for example <c>CPU, oneDNN 2.6.3</c>.</param>
/// <param name="StartedAt">When the run began, UTC.</param>
public sealed record RunEnvironment(
    string Version, string OperatingSystem, string Architecture, string Runtime, int Cores, int Threads, long MemoryBytes,
    IReadOnlyList<string> CpuFeatures, string Backend, DateTimeOffset StartedAt)
{
    /// <summary>This process, now.</summary>
    /// <param name="backend">What runs the arithmetic.</param>
    public static RunEnvironment Capture(string backend) => new(
        ProgramVersion, RuntimeInformation.OSDescription, RuntimeInformation.ProcessArchitecture.ToString(),
        Compiled,
        Environment.ProcessorCount, CpuParallel.Threads, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        [.. Runs.CpuFeatures.Detect().Where(feature => feature.Present).Select(feature => feature.Name)], backend, DateTimeOffset.UtcNow);

    /// <summary>Version of this program, with the commit if the build knew it.</summary>
    public static string ProgramVersion { get; } =
        typeof(RunEnvironment).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>The level of instructions that the running program was compiled for ahead of time, for example <c>x86-64-v4</c>; null where
    /// code is compiled as it runs, for the processor that is there.</summary>
    public static string? InstructionSet => RuntimeFeature.IsDynamicCodeSupported ? null
        : Assembly.GetEntryAssembly()?.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(entry => entry.Key == nameof(InstructionSet))?.Value is { Length: > 0 } level ? level : "the least of its kind";

    private static string Compiled => InstructionSet is { } level
        ? $"{RuntimeInformation.FrameworkDescription}, compiled ahead of time for {level}" : RuntimeInformation.FrameworkDescription;

    /// <summary>As indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this,
        new RunJson(new JsonSerializerOptions(RunJson.Default.Options) { WriteIndented = true }).RunEnvironment);
}
