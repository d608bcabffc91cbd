using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models.Layers;

/// <summary>Cuts a batch by task and joins the results again.</summary>
file static class Runs
{
    extension<T>(IReadOnlyList<TaskRun<T>> runs) where T : Module
    {
        public Tensor Join(Func<TaskRun<T>, Tensor> run) => BatchOps.ConcatBatch([.. runs.Select(run)]);
    }

    extension(Tensor x)
    {
        public Tensor Of<T>(TaskRun<T> run) where T : Module => x.SliceBatch(run.Start, run.Count);
    }
}

/// <summary>Layers of several tasks behind one frozen layer.</summary>
internal sealed class MixedLayer(IReadOnlyList<TaskRun<Layer>> runs) : Layer
{
    public override Tensor Forward(Tensor x) => runs.Join(run => run.Filler?.Forward(x.Of(run)) ?? x.Of(run));
}

/// <summary>Deltas of several tasks beside one frozen linear layer, whose product runs once for all rows.</summary>
internal sealed class MixedLinearDelta(IReadOnlyList<TaskRun<LinearDelta>> runs) : LinearDelta
{
    public override Tensor AddTo(Tensor y, Tensor x, float scale) =>
        runs.Join(run => run.Filler?.AddTo(y.Of(run), x.Of(run), scale) ?? y.Of(run));
}

/// <summary>Deltas of several tasks beside one branch.</summary>
internal sealed class MixedBranchDelta(IReadOnlyList<TaskRun<BranchDelta>> runs) : BranchDelta
{
    public override bool ReadsAllTokens => runs.Any(run => run.Filler is { ReadsAllTokens: true });

    public override Tensor Apply(Tensor x, Tensor normed, Branch branch)
    {
        (int, int, Bottleneck? Delta)[] beside = [.. runs.Select(run => (run.Start, run.Count, run.Filler?.Beside))];
        if (runs.Zip(beside).All(run => run.First.Filler is null || run.Second.Delta is not null))
            return branch.Forward(normed, x.AddBottlenecks(beside).Give());
        return runs.Join(run =>
        {
            (Tensor stream, Tensor input, Branch own) = (x.Of(run), normed.Of(run), branch.With(run.Task));
            return run.Filler?.Apply(stream, input, own) ?? own.Forward(input, stream);
        });
    }
}

/// <summary>Prompts of several tasks, as many for each.</summary>
internal sealed class MixedPrompts(IReadOnlyList<TaskRun<TokenPrompts>> runs) : TokenPrompts
{
    public override (int Count, bool Stay) Layout => runs[0].Filler!.Layout;

    public override Tensor Enter(int block, Tensor x) => runs.Join(run => run.Filler!.Enter(block, x.Of(run)));

    public override Tensor Leave(int block, Tensor x) => runs[0].Filler!.Leave(block, x);
}
