using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>Where the time of a batch of 32 pictures goes, call by call: one task, and a task for each picture.</summary>
internal static class MixedCalls
{
    private const int Batch = 32;

    public static void Run(BankTasks files, int rounds)
    {
        string[] paths = files.Write();
        Backbone model = files.Model;
        AdapterTask[] loaded = [.. paths.Select(path => AdapterTask.Load(path, model))];
        ProfilingBackend[] profiles = [new(Backend.Current), new(Backend.Current)];
        long[] ticks = new long[profiles.Length];
        Shape one = new([1, .. model.InputShape]);
        using (TensorScope scope = new())
        {
            Tensor batch = BatchOps.ConcatBatch([.. Enumerable.Range(0, Batch).Select(i => Tensor.From(files.Picture(i), one))]);
            TaskSlots[][] ways = [[.. Enumerable.Repeat(loaded[0].Slots, Batch)], [.. loaded.Select(task => task.Slots)]];
            for (int round = -1; round < rounds; round++)
            {
                for (int way = 0; way < ways.Length; way++)
                {
                    using TensorScope inner = new();
                    using IDisposable use = Backend.Use(profiles[way]);
                    long began = Stopwatch.GetTimestamp();
                    MixedPass.Run(model, batch, cut: null, ways[way], [.. Enumerable.Range(0, Batch)]);
                    ticks[way] += Stopwatch.GetTimestamp() - began;
                }

                if (round >= 0) continue;       // the first round brings matrices into the form of the products
                foreach (ProfilingBackend profile in profiles) profile.Reset();
                Array.Clear(ticks);
            }
        }

        Console.WriteLine($"{"milliseconds of a pass",-30}{"one task",12}{"32 tasks",12}{"calls",10}{"calls",10}");
        ProfiledCall[][] costs = [.. profiles.Select(profile => profile.Costs.ToArray())];
        foreach (string call in costs[1].Select(cost => cost.Call))
            Line(call, way => costs[way].FirstOrDefault(cost => cost.Call == call) is { } cost ? (cost.Time.TotalMilliseconds, cost.Calls) : (0, 0));
        Line("between calls", way => (Stopwatch.GetElapsedTime(0, ticks[way]).TotalMilliseconds - costs[way].Sum(cost => cost.Time.TotalMilliseconds), 0));
        foreach (AdapterTask task in loaded) task.Dispose();

        void Line(string name, Func<int, (double Milliseconds, int Calls)> of) => Console.WriteLine(FormattableString.Invariant(
            $"{name,-30}{of(0).Milliseconds / rounds,12:0.00}{of(1).Milliseconds / rounds,12:0.00}{of(0).Calls / rounds,10}{of(1).Calls / rounds,10}"));
    }
}
