using System.Diagnostics;
using AdaptFormer.Inference;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>Memory of the process with more and more tasks: when they were read, and when each has answered once.</summary>
internal static class BankMemory
{
    public static void Run(BankTasks files, int tasks)
    {
        string[] paths = files.Write();
        using TaskBank bank = files.Bank();
        VisualInput picture = VisualInput.Tensor(files.Picture(0));
        bank.Load(paths[0], "warm");
        bank.Ask(picture, "warm");
        bank.Remove("warm");
        double without = Resident();
        Console.WriteLine(FormattableString.Invariant($"a file is {new FileInfo(paths[0]).Length / 1e6:0.00} MB; resident without tasks {without:0} MB"));
        int loaded = 0;
        foreach (int count in ((int[])[1, 32, tasks]).Distinct().Where(count => count <= tasks))
        {
            for (; loaded < count; loaded++) bank.Load(paths[loaded % paths.Length], $"task{loaded}");
            double read = Resident();
            for (int i = 0; i < count; i++) bank.Ask(picture, $"task{i}");
            double asked = Resident();
            Console.WriteLine(FormattableString.Invariant(
                $"{count,5} tasks: {read,6:0} MB when read, {asked,6:0} MB when each was asked: {(asked - without) / count:0.00} MB a task; the bank counts {bank.Tasks.Sum(task => task.Bytes) / 1e6 / count:0.00}"));
        }
    }

    private static double Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }
}
