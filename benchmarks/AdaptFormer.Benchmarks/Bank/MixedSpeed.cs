using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>
/// A batch of 32 pictures: one task, 32 tasks, 32 of many at random, and one picture after the other with its own task. First the passes alone, then the same
/// questions to a bank, which also gathers them, digests their pixels and hands out the answers.
/// </summary>
internal static class MixedSpeed
{
    private const int Batch = 32, Questions = 4 * Batch;

    public static void Run(BankTasks files, int tasks, int rounds)
    {
        string[] paths = files.Write();
        Backbone model = files.Model;
        List<AdapterTask> loaded = [.. Enumerable.Range(0, tasks).Select(i => AdapterTask.Load(paths[i % paths.Length], model))];
        TaskSlots[] slots = [.. loaded.Select(task => task.Slots)];
        float[][] pictures = [.. Enumerable.Range(0, Questions).Select(files.Picture)];
        Shape one = new([1, .. model.InputShape]);
        using (TensorScope scope = new())
        {
            Tensor[] single = [.. pictures.Take(Batch).Select(picture => Tensor.From(picture, one))];
            Tensor batch = BatchOps.ConcatBatch(single);
            foreach (TaskSlots task in slots) Pass(single[0], [task]);       // matrices in the form of the products, as after the first question
            Rng rng = new(1);
            Print("passes", Batch, Turns.Measure(rounds,
                () => Pass(batch, [.. Enumerable.Repeat(slots[0], Batch)]),
                () => Pass(batch, [.. Enumerable.Range(0, Batch).Select(i => slots[i % slots.Length])]),
                () => Pass(batch, [.. Enumerable.Range(0, Batch).Select(_ => slots[rng.NextInt(slots.Length)])]),
                () => Array.ForEach([.. Enumerable.Range(0, Batch)], i => Pass(single[i], [slots[i % slots.Length]]))), tasks);
        }

        foreach (AdapterTask task in loaded) task.Dispose();
        using TaskBank bank = files.Bank();
        for (int i = 0; i < tasks; i++) bank.Load(paths[i % paths.Length], $"task{i}");
        for (int i = 0; i < tasks; i++) bank.Ask(VisualInput.Tensor(pictures[0]), $"task{i}");
        Rng draw = new(2);
        Print("questions to a bank", Questions, Turns.Measure(Math.Max(3, rounds / 2),
            () => Ask(_ => 0), () => Ask(i => i % Math.Min(Batch, tasks)), () => Ask(_ => draw.NextInt(tasks)),
            () => Array.ForEach([.. Enumerable.Range(0, Questions)], i => bank.Ask(VisualInput.Tensor(pictures[i]), $"task{i % Math.Min(Batch, tasks)}"))),
            tasks);

        void Pass(Tensor x, TaskSlots[] of)
        {
            using TensorScope scope = new();
            MixedPass.Run(model, x, cut: null, of, [.. Enumerable.Range(0, of.Length)]);
        }

        void Ask(Func<int, int> task) =>
            bank.AskMany([.. pictures.Select((picture, i) => new TaskQuestion(VisualInput.Tensor(picture), $"task{task(i)}"))]);
    }

    private static void Print(string what, int count, Took[][] took, int tasks)
    {
        string[] names = ["one task", "32 tasks", $"{tasks} tasks at random", "one picture at a time, each its task"];
        Console.WriteLine($"{what}, batches of {Batch}, medians of {took[0].Length} rounds; speed of one task = 1, by the clock and by processor time:");
        for (int way = 0; way < names.Length; way++)
        {
            (double clock, double least, double most) = Turns.Speed(took[way], took[0], one => one.Seconds);
            (double cpu, double leastCpu, double mostCpu) = Turns.Speed(took[way], took[0], one => one.Cpu);
            Console.WriteLine(FormattableString.Invariant(
                $"  {names[way],-38}{count / Turns.Median(took[way].Select(one => one.Seconds)),7:0.0} images/s  {clock,6:0.000} ({least:0.000}-{most:0.000})  {cpu,6:0.000} ({leastCpu:0.000}-{mostCpu:0.000})"));
        }
    }
}
