using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>Many tasks on one backbone: what a mixed batch, a shared trunk, memory and loading beside the answering cost.</summary>
internal static class BankBenchmark
{
    private const string Usage =
        "bank speed|calls|share|memory|loading|askers MODEL float32|bfloat16 [tasks=1000] [rounds=9], or bank files MODEL float32|bfloat16 "
        + "folder=PATH; for example bank speed deit_tiny_patch16_224 float32";

    /// <summary>Measures one thing and prints a table.</summary>
    /// <param name="part">Which.</param>
    /// <param name="model">A model's id, on random numbers, or a file of weights.</param>
    /// <param name="precision">Type of the products' inputs.</param>
    /// <param name="options"><c>tasks=N</c>, <c>rounds=N</c>; <c>folder=PATH</c> for files to serve.</param>
    public static int Run(string part, string model, string precision, string[] options)
    {
        if (!Enum.TryParse(precision, ignoreCase: true, out Precision chosen) || options.Any(option => !option.Contains('='))) return Fail();
        Dictionary<string, string> given = options.Select(option => option.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        (int tasks, int rounds) = (int.Parse(given.GetValueOrDefault("tasks", "1000")), int.Parse(given.GetValueOrDefault("rounds", "9")));
        using BankTasks files = new(model, chosen.Compute());
        Console.WriteLine($"{files.Model.Id}, {precision}, {Environment.ProcessorCount} cores, AdaptFormer-64, heads of 10 classes");
        switch (part)
        {
            case "speed": MixedSpeed.Run(files, tasks, rounds); return 0;
            case "calls": MixedCalls.Run(files, rounds); return 0;
            case "share": SharedTrunk.Run(files, rounds); return 0;
            case "memory": BankMemory.Run(files, tasks); return 0;
            case "askers": Askers.Run(files, tasks); return 0;
            case "files" when given.TryGetValue("folder", out string? folder): files.WriteTo(folder); return 0;
            case "loading": HotLoading.Run(files, rounds); return 0;
            default: return Fail();
        }
    }

    private static int Fail()
    {
        Console.Error.WriteLine(Usage);
        return 2;
    }
}
