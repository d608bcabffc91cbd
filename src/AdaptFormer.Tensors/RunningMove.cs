using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

/// <summary>What a training pass does to a running statistic: r ← r + share·(value − r), or r ← r + value.</summary>
/// <param name="Running">r.</param>
/// <param name="Value">As many numbers as r has.</param>
/// <param name="Share">The share, in (0, 1]; null adds.</param>
public sealed record RunningMove(Parameter Running, float[] Value, float? Share)
{
    /// <summary>Moves the statistic of the pass that <paramref name="tape"/> records, at once or when the tape's owner does it.</summary>
    /// <param name="tape">The pass.</param>
    /// <param name="running">r.</param>
    /// <param name="value">Beside r.</param>
    /// <param name="share">The share; null adds.</param>
    public static void Make(Tape tape, Parameter running, Tensor value, float? share)
    {
        if (tape.IsRecomputing) return;     // moved when it was computed first
        if (tape.Moves is { } later) later.Add(new RunningMove(running, value.ToArray(), share));
        else Move(running, value, share);
    }

    /// <summary>Moves the statistic.</summary>
    public void Make()
    {
        using TensorScope scope = new();
        Move(Running, Running.NewFrom(Value, Running.Shape), Share);
    }

    private static void Move(Parameter running, Tensor value, float? share) => running.Update(target =>
    {
        if (share is { } part) new LerpCall(target, value, part).Run();
        else new AddIntoCall(target, value).Run();
    });
}
