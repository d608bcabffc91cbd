using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Cuda;
using AdaptFormer.Data.Images;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.OneDnn;

namespace AdaptFormer.Cli.Commands;

/// <summary>An optional library or program.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Purpose">What needs it.</param>
/// <param name="Found">Whether it can be used.</param>
/// <param name="Detail">Its version and place, or why it is not used and how to install it.</param>
internal sealed record OptionalTool(string Name, string Purpose, bool Found, string Detail);

/// <summary>What <c>doctor</c> finds.</summary>
/// <param name="Machine">System, runtime, processors and memory.</param>
/// <param name="CpuFeatures">Instruction sets, present or not.</param>
/// <param name="AutoPrecision">What precision <c>auto</c> becomes.</param>
/// <param name="AutoPrecisionWhy">Why, in words that follow "as".</param>
/// <param name="Optional">Optional libraries and programs, found or not.</param>
internal sealed record Diagnosis(
    RunEnvironment Machine, IReadOnlyList<CpuFeature> CpuFeatures, string AutoPrecision, string AutoPrecisionWhy,
    IReadOnlyList<OptionalTool> Optional)
{
    private const int PatienceMilliseconds = 60_000;

    /// <summary>Looks at this machine.</summary>
    public static Diagnosis Make() => new(
        RunEnvironment.Capture(Backend.Current.Name),
        Runs.CpuFeatures.Detect(),
        Backend.Current.FastBFloat16 ? "bfloat16" : "float32",
        OneDnn.BFloat16.Why,
        [
            new OptionalTool("oneDNN", "fast matrix products", OneDnn.Available, OneDnn.Why),
            .. NativeImageLibraries.Describe().Select(Describe),
            FFmpeg(),
            Cuda(),
        ]);

    private static OptionalTool Cuda()
    {
        CudaProbe here = CudaDevice.Probe();
        string cards = string.Join("; ", here.Cards.Select(card =>
            $"cuda:{card.Ordinal} is {card.Name}, compute capability {card.Major}.{card.Minor}, {Format.Bytes(card.MemoryBytes)}"));
        string found = $"{cards}; driver for CUDA {here.DriverVersion} ({here.Driver}); cuBLASLt {here.Products}; "
            + $"NVRTC {here.Compiler ?? "not found"}{(CudaProbe.KernelsPacked ? ", not needed: the kernels came compiled" : "")}";
        return new OptionalTool("CUDA", "computing on NVIDIA cards (--device cuda)", here.Why is null, here.Why ?? found);
    }

    private static OptionalTool Describe(NativeLibraryInfo library) => new(
        library.Name, library.Purpose, library.Found,
        library.Found ? string.Join(' ', new[] { library.Version, library.Path }.Where(part => part is not null))
            : NativeSwitch.Off ? NativeSwitch.Hidden : $"install: {library.Install}");

    private static OptionalTool FFmpeg()
    {
        const string Name = "ffmpeg", Purpose = "reading video";
        if (NativeSwitch.Off) return new OptionalTool(Name, Purpose, false, NativeSwitch.Hidden);
        string install = OperatingSystem.IsWindows() ? "winget install ffmpeg"
            : OperatingSystem.IsMacOS() ? "brew install ffmpeg"
            : "apt-get install ffmpeg (Debian, Ubuntu), dnf install ffmpeg-free (Fedora)";
        try
        {
            ProcessStartInfo start = new(Name, ["-hide_banner", "-version"])
            { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            Task<string?> firstLine = process.StandardOutput.ReadLineAsync();
            if (!firstLine.Wait(PatienceMilliseconds))
            {
                process.Kill(entireProcessTree: true);
                return new OptionalTool(Name, Purpose, false, "did not answer to -version");
            }

            return firstLine.Result is { Length: > 0 } line
                ? new OptionalTool(Name, Purpose, true, line.Split(" Copyright")[0])
                : new OptionalTool(Name, Purpose, false, $"does not run here; install: {install}");
        }
        catch (Win32Exception)
        {
            return new OptionalTool(Name, Purpose, false, $"install: {install}");
        }
    }
}

/// <summary>How a diagnosis is written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Diagnosis))]
internal sealed partial class DiagnosisJson : JsonSerializerContext;
