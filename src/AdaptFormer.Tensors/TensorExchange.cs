namespace AdaptFormer.Tensors;

/// <summary>
/// Moves numbers between the devices of processes that train together, without the host between them. Every call is made by all of them, in
/// the same order and with the same lengths; calls are begun one behind the other with the device's own work, and
/// <see cref="Complete"/> waits for them.
/// </summary>
public abstract class TensorExchange : IDisposable
{
    /// <summary>What carries the exchanges, for people: <c>NCCL 2.21.5</c>.</summary>
    public abstract string Library { get; }

    /// <summary>Sends the r-th of as many equal parts as there are processes to process r, and receives what each has for this
    /// one.</summary>
    /// <param name="send">The parts one behind the other, f32.</param>
    /// <param name="received">What the processes sent, process 0's first; as long.</param>
    public abstract void Exchange(Tensor send, Tensor received);

    /// <summary>Gathers equally long parts of all processes at all of them.</summary>
    /// <param name="own">This process's part, f32.</param>
    /// <param name="all">The parts one behind the other, process 0's first.</param>
    public abstract void Gather(Tensor own, Tensor all);

    /// <summary>Sums numbers over all processes in place, in the order that the library finds fastest; f32.</summary>
    public abstract void Sum(Tensor values);

    /// <summary>Waits until what was begun is done.</summary>
    /// <param name="within">The most time that it may take.</param>
    /// <exception cref="TimeoutException">It took longer; nothing more can be exchanged.</exception>
    public abstract void Complete(TimeSpan within);

    /// <summary>Leaves the others.</summary>
    public void Dispose()
    {
        Leave();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the library back.</summary>
    protected abstract void Leave();
}
