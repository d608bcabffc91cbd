using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models;

/// <summary>The slots of a batch whose samples belong to several tasks, those of one task together.</summary>
internal sealed class MixedSlots : Slots
{
    private readonly List<(int Start, int Count, TaskSlots Task)> _runs;

    // What any of the tasks touches. Layers ask about every seam and bias of the backbone, most of which no task does, and the cores wait.
    private readonly HashSet<Seam> _filled = [];
    private readonly HashSet<Parameter> _replaced = [];

    private MixedSlots(List<(int Start, int Count, TaskSlots Task)> runs)
    {
        _runs = runs;
        foreach ((_, _, TaskSlots task) in runs) task.AddTo(_filled, _replaced);
    }

    /// <summary>The runs of equal neighbours among the samples' tasks.</summary>
    public static List<(int Start, int Count, TaskSlots Task)> Runs(IReadOnlyList<TaskSlots> tasks)
    {
        List<(int Start, int Count, TaskSlots Task)> runs = [];
        for (int i = 0; i < tasks.Count; i++)
        {
            if (i > 0 && tasks[i] == tasks[i - 1]) runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else runs.Add((i, 1, tasks[i]));
        }

        return runs;
    }

    /// <summary>The slots of a batch: the task itself where all samples belong to one.</summary>
    public static Slots Of(List<(int Start, int Count, TaskSlots Task)> runs) => runs.Count == 1 ? runs[0].Task : new MixedSlots(runs);

    public override T? Of<T>(Seam<T> seam) where T : class
    {
        if (!_filled.Contains(seam)) return null;
        TaskRun<T>[] runs = [.. _runs.Select(run => new TaskRun<T>(run.Start, run.Count, run.Task, run.Task.Of(seam)))];
        return runs.All(run => run.Filler == runs[0].Filler) ? runs[0].Filler : T.Mix(runs);
    }

    public override Parameter? Of(Parameter? own) =>
        !Differ(own) ? _runs[0].Task.Of(own)
            : throw new InvalidOperationException("The rows of this pass have different numbers here; the layer must run by task.");

    public override bool Differ(params ReadOnlySpan<Parameter?> own)
    {
        foreach (Parameter? parameter in own)
        {
            if (parameter is null || !_replaced.Contains(parameter)) continue;
            if (_runs.Any(run => run.Task.Of(parameter) != _runs[0].Task.Of(parameter))) return true;
        }

        return false;
    }

    public override bool Differ(Module module) => _runs.Any(run => run.Task.CountIn(module) > 0);

    public override Tensor ByTask(Tensor x, Func<Tensor, Slots, Tensor> layer) =>
        BatchOps.ConcatBatch([.. _runs.Select(run => layer(x.SliceBatch(run.Start, run.Count), run.Task))]);

    public override Tensor ByTask(Tensor x, Tensor? residual, Func<Tensor, Tensor?, Slots, Tensor> layer) =>
        BatchOps.ConcatBatch(
        [
            .. _runs.Select(run => layer(x.SliceBatch(run.Start, run.Count), residual?.SliceBatch(run.Start, run.Count), run.Task)),
        ]);
}
