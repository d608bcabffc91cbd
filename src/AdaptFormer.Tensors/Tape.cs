using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors;

/// <summary>
/// The record of one training pass: which ops made which tensors, and what their backward passes must read. Nothing is recorded
/// for tensors that no trainable parameter reaches, so below the first adapter a pass costs what prediction costs.
/// </summary>
public sealed partial class Tape : IDisposable
{
    private readonly List<Node> _nodes = [];
    private readonly HashSet<Storage> _kept = [];
    private long _randomCalls;
    private bool _over;

    /// <summary>A new pass whose dropout masks come from <paramref name="rng"/>.</summary>
    public Tape(Rng rng) => Rng = rng;

    /// <summary>The pass's randomness.</summary>
    public Rng Rng { get; }

    /// <summary>Bytes of activations that wait for the backward pass (each buffer once; parameters do not count).</summary>
    public long KeptBytes { get; private set; }

    /// <summary>
    /// Where moves of running statistics are put down instead of being made at once, because the batches of other processes come between;
    /// null makes them at once.
    /// </summary>
    public IList<RunningMove>? Moves { get; init; }

    /// <summary>Number of recorded ops.</summary>
    public int Count => _nodes.Count;

    /// <summary>Masks that the next dropout calls take instead of drawing their own, in order: for tests against given masks.</summary>
    internal Queue<Tensor> GivenMasks { get; } = new();

    /// <summary>Whether the pass has ended: its tensors then count as constants.</summary>
    internal bool IsOver => _over;

    /// <summary>Makes <paramref name="input"/> part of this pass, until the tape is disposed: ops on it record themselves here.</summary>
    /// <exception cref="ObjectDisposedException">The pass is over.</exception>
    public Tensor Watch(Tensor input)
    {
        ObjectDisposedException.ThrowIf(_over, this);
        input.Tape = this;
        return input;
    }

    /// <summary>
    /// Runs the recorded ops backwards from <paramref name="loss"/>, adds the gradients of trainable parameters to
    /// <see cref="Tensor.Grad"/>, and releases what was kept as soon as it was used. The tape is empty afterwards.
    /// </summary>
    /// <param name="loss">A scalar made in this pass.</param>
    /// <param name="scale">The gradient of the loss itself; 1/n for one of n accumulated batches.</param>
    /// <exception cref="ArgumentException">The loss is not a scalar, or nothing trainable reaches it in this pass.</exception>
    public void Backward(Tensor loss, float scale = 1)
    {
        if (loss.Length != 1) throw new ArgumentException($"Tape.Backward: the loss must be one number, got {loss.Shape}.");
        if (!loss.NeedsGrad)
            throw new ArgumentException("Tape.Backward: no trainable parameter reaches the loss, so there is nothing to compute.");
        if (loss.Producer != this) throw new ArgumentException("Tape.Backward: the loss was made in another pass.");

        using TensorScope scope = new();
        loss.AddGrad(loss.NewFull(loss.Shape, scale));
        RunBack(0);
        _kept.Clear();
        KeptBytes = 0;
    }

    /// <summary>Ends the pass and drops what was recorded; kept activations and half-made gradients go back to the pool.</summary>
    public void Dispose()
    {
        _over = true;
        foreach (Node node in _nodes)
        {
            node.Output.Grad?.Release();
            node.Output.Grad = null;
            Forget(node);
        }

        _nodes.Clear();
        _kept.Clear();
        KeptBytes = 0;
        Garbage.Collect();
    }

    internal void Add(Tensor output, ReadOnlySpan<Tensor?> keep, Action<Tensor> backward)
    {
        List<Tensor> kept = [];
        foreach (Tensor? tensor in keep)
        {
            if (tensor is null or Parameter) continue;
            tensor.Retain();
            kept.Add(tensor);
            if (!_kept.Add(tensor.Storage)) continue;
            KeptBytes += tensor.HeldBytes;
            _sinceStart?.Add((tensor.Storage, tensor.HeldBytes));
        }

        output.Producer = this;
        _nodes.Add(new Node(output, [.. kept], backward));
    }

    /// <summary>A key for one random op; its n-th call in a pass draws the same numbers in every run with the same seed.</summary>
    internal ulong NextRandomKey() => Rng.Derive(_randomCalls++).Key;

    /// <summary>Runs the ops backwards that were recorded from node <paramref name="first"/> on, and forgets them.</summary>
    private void RunBack(int first)
    {
        for (int i = _nodes.Count - 1; i >= first; i--)
        {
            Node node = _nodes[i];
            if (node.Output.Grad is { } dy)
            {
                using TensorScope step = new();
                node.Backward(dy);
                node.Output.Grad = null;
                dy.Release();
            }

            Forget(node);
            _nodes.RemoveAt(i);
        }
    }

    private static void Forget(Node node)
    {
        foreach (Tensor tensor in node.Kept) tensor.Release();
    }

    private sealed record Node(Tensor Output, Tensor[] Kept, Action<Tensor> Backward);
}

/// <summary>How an op enters the tape and hands gradients down.</summary>
public static class Recording
{
    extension(Tensor y)
    {
        /// <summary>
        /// Joins <paramref name="y"/> to the pass of its inputs. When one of them needs a gradient, <paramref name="backward"/> is recorded
        /// with what it reads (<paramref name="keep"/>); otherwise nothing is kept.
        /// </summary>
        /// <param name="inputs">Everything the op read; null entries are optional operands that were not given.</param>
        /// <param name="keep">Tensors whose memory must stay until the backward pass.</param>
        /// <param name="backward">Called with dy; adds the inputs' gradients.</param>
        public Tensor Record(ReadOnlySpan<Tensor?> inputs, ReadOnlySpan<Tensor?> keep, Action<Tensor> backward)
        {
            Tape? tape = TapeOf(inputs);
            y.Tape = tape;
            if (tape is not null && AnyNeedsGrad(inputs)) tape.Add(y, keep, backward);
            return y;
        }
    }

    extension(Tensor x)
    {
        /// <summary>Adds <paramref name="dx"/>, which has x's number of elements and may be shared with other tensors' gradients.</summary>
        public void AddGrad(Tensor dx)
        {
            if (x.Grad is null && x is not Parameter)
            {
                dx.Retain();
                x.Grad = dx;
                return;
            }

            x.GradInto((target, accumulate) => new AddIntoCall(target, dx).Run());
        }

        /// <summary>
        /// Lets a kernel write a gradient where it belongs: <paramref name="write"/> gets the tensor of x's shape and whether it adds to
        /// what is there. Saves a pass over memory when several ops read x.
        /// </summary>
        public void GradInto(Action<Tensor, bool> write)
        {
            if (x is Parameter parameter)
            {
                write(parameter.GradBuffer(), true);
                return;
            }

            bool accumulate = x.Grad is not null;
            if (x.Grad is not { HasOneHolder: true })
            {
                Tensor own = new(x.Shape, x.Type, Backend.For(x.Device).Allocate(x.Bytes), scoped: false);
                if (x.Grad is { } shared)
                {
                    new CopyCall(shared, own).Run();
                    shared.Release();
                }

                x.Grad = own;
            }

            x.Grad.DropCopies();
            write(x.Grad, accumulate);
        }

        /// <summary>As <see cref="GradInto"/>, for a kernel that always adds: it gets zeros, or the sum so far.</summary>
        public void SumGrad(Action<Tensor> add) => x.GradInto((target, accumulate) =>
        {
            if (!accumulate) new FillCall(target, 0).Run();
            add(target);
        });
    }

    /// <summary>The pass that the inputs belong to; null outside of training.</summary>
    /// <exception cref="InvalidOperationException">They belong to different passes.</exception>
    public static Tape? TapeOf(ReadOnlySpan<Tensor?> inputs)
    {
        Tape? found = null;
        foreach (Tensor? input in inputs)
        {
            if (input?.Tape is not { } tape || tape == found) continue;
            if (found is not null)
                throw new InvalidOperationException(
                    "An op got tensors of two passes; a pass has one tape, end one before the next begins.");
            found = tape;
        }

        return found;
    }

    /// <summary>Whether the pass will ask for a gradient of any input: decides what an op keeps.</summary>
    public static bool Records(params ReadOnlySpan<Tensor?> inputs) => TapeOf(inputs) is not null && AnyNeedsGrad(inputs);

    private static bool AnyNeedsGrad(ReadOnlySpan<Tensor?> inputs)
    {
        foreach (Tensor? input in inputs)
        {
            if (input is { NeedsGrad: true }) return true;
        }

        return false;
    }
}
