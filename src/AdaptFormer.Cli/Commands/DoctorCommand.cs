using System.CommandLine;
using System.Text.Json;
using AdaptFormer.Cli.Output;
using AdaptFormer.Runs;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer doctor</c>: what this machine offers, what is in use, and what could be installed.</summary>
internal static class DoctorCommand
{
    public static Command Create(Screen screen)
    {
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        Command command = new(
            "doctor", "Show CPU features, the kernels in use, and which optional libraries were found or how to install them.")
        { json };
        command.SetAction(parsed => Run(screen, parsed.GetValue(json)));
        return command;
    }

    private static int Run(Screen screen, bool json)
    {
        Diagnosis diagnosis = Diagnosis.Make();
        if (json)
        {
            screen.Json(JsonSerializer.Serialize(diagnosis, DiagnosisJson.Default.Diagnosis));
            return 0;
        }

        Show(screen, diagnosis);
        return 0;
    }

    /// <summary>A diagnosis for people.</summary>
    internal static void Show(Screen screen, Diagnosis diagnosis)
    {
        RunEnvironment machine = diagnosis.Machine;
        screen.Line($"AdaptFormer {machine.Version} on {machine.OperatingSystem} {machine.Architecture}, {machine.Runtime}");
        screen.Line($"{machine.Cores} processors, {machine.Threads} in use; {Format.Bytes(machine.MemoryBytes)} of memory");
        screen.Line("");

        Table features = new Table("CPU feature", "here", "used by");
        foreach (CpuFeature feature in diagnosis.CpuFeatures) features.Add(feature.Name, feature.Present ? "yes" : "no", feature.Use);
        screen.Write(features);
        screen.Line("");

        screen.Line(
            $"Kernels in use: {machine.Backend}. Precision 'auto' is {diagnosis.AutoPrecision} here, as {diagnosis.AutoPrecisionWhy}.");
        screen.Line("");

        Table libraries = new Table("optional", "for", "found", "what, or how to get it");
        foreach (OptionalTool tool in diagnosis.Optional) libraries.Add(tool.Name, tool.Purpose, tool.Found ? "yes" : "no", tool.Detail);
        screen.Write(libraries);
    }
}
