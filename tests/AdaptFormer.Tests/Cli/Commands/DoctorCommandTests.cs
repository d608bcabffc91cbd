using AdaptFormer.Cli.Commands;
using AdaptFormer.Cli.Output;
using AdaptFormer.Runs;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>What <c>doctor</c> shows of one machine, the same on every machine that runs the tests.</summary>
public sealed class DoctorCommandTests
{
    private static readonly Diagnosis Given = new(
        new RunEnvironment(
            "1.2.3", "Debian GNU/Linux 12 (bookworm)", "X64", ".NET 10.0.12", 8, 4, 16L << 30, ["AVX2"], "oneDNN 2.6.3", DateTimeOffset.UnixEpoch),
        [new CpuFeature("AVX2", true, "f32 kernels"), new CpuFeature("AMX BF16", false, "oneDNN's bf16 kernels")],
        "bfloat16",
        "AMD's AVX-512 multiplies bf16 at twice the rate of f32",
        [
            new OptionalTool("oneDNN", "fast matrix products", true, "oneDNN 2.6.3 (libdnnl.so.2) runs matrix products, f32 and bf16."),
            new OptionalTool("libSkiaSharp", "reading GIF and icons; JPEG and WebP where the libraries above are missing", true, "4.155.0 from its package"),
            new OptionalTool("ffmpeg", "reading video", false, "install: apt-get install ffmpeg (Debian, Ubuntu), dnf install ffmpeg-free (Fedora)"),
        ]);

    [Theory]
    [InlineData(60)]
    [InlineData(100)]
    public void A_diagnosis_is_shown_as_approved(int columns)
    {
        using StringWriter shown = new();
        DoctorCommand.Show(new Screen(shown, shown, outTerminal: true, errorTerminal: true, columns), Given);
        ApprovedScreen.Check("doctor", columns, new TerminalScreen(columns).Write(shown.ToString().Replace("\n", "\r\n", StringComparison.Ordinal)).WholeLines);
    }
}
