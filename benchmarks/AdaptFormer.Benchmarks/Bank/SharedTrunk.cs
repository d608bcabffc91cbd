using AdaptFormer.Inference;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>One picture and 32 tasks: asked together, and one after the other; with adapters in the upper half of the blocks, and in all.</summary>
internal static class SharedTrunk
{
    private const int Tasks = 32;

    public static void Run(BankTasks files, int rounds)
    {
        int depth = files.Model.Blocks.Count;
        foreach (string layers in (string[])[$"{(depth / 2) + 1}-{depth}", "all"])
        {
            using TaskBank bank = files.Bank();
            string[] paths = files.Write(layers), names = [.. Enumerable.Range(0, Tasks).Select(i => $"task{i}")];
            for (int i = 0; i < Tasks; i++) bank.Load(paths[i], names[i]);
            VisualInput picture = VisualInput.Tensor(files.Picture(0));
            bank.Ask(picture, names);
            Took[][] took = Turns.Measure(rounds,
                () => Array.ForEach(names, name => bank.Ask(picture, name)),
                () => bank.Ask(picture, names));
            double[] times = [.. took.Select(way => 1000 * Turns.Median(way.Select(one => one.Seconds)))];
            (double clock, double least, double most) = Turns.Speed(took[1], took[0], one => one.Seconds);
            (double cpu, double leastCpu, double mostCpu) = Turns.Speed(took[1], took[0], one => one.Cpu);
            Console.WriteLine(FormattableString.Invariant(
                $"one picture, {Tasks} tasks, adapters in blocks {layers}, medians of {rounds} rounds: {times[0]:0.0} ms one after the other, {times[1]:0.0} ms together: {clock:0.00} times as fast by the clock ({least:0.00}-{most:0.00}), {cpu:0.00} by processor time ({leastCpu:0.00}-{mostCpu:0.00})"));
        }
    }
}
