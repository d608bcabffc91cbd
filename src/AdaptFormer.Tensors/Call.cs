namespace AdaptFormer.Tensors;

/// <summary>
/// One operation on tensors, described completely: its name, what it reads and writes, and its attributes, which are the properties of the
/// derived record. Whoever sees all calls of a pass can count them, time them or write them down.
/// </summary>
/// <param name="Target">The tensor that is written; its device runs the call.</param>
public abstract record Call(Tensor Target)
{
    /// <summary>For example <c>Linear</c>.</summary>
    public string Name => GetType().Name[..^nameof(Call).Length];

    /// <summary>What is read, sums that are added to included; null where an optional operand was not given.</summary>
    public abstract IReadOnlyList<Tensor?> Inputs { get; }

    /// <summary>What is written; null where an optional result was not asked for.</summary>
    public virtual IReadOnlyList<Tensor?> Outputs => [Target];

    /// <summary>Runs where the target lies.</summary>
    /// <exception cref="InvalidOperationException">Operands lie on different devices.</exception>
    public void Run()
    {
        if (Device.Several) CheckDevices();
        Backend.For(Target.Device).Invoke(this);
    }

    /// <summary>Calls the kernel that computes this.</summary>
    public abstract void RunOn(Kernels kernels);

    private void CheckDevices()
    {
        foreach (Tensor? operand in Inputs.Concat(Outputs))
        {
            if (operand is not null && operand.Device != Target.Device)
                throw new InvalidOperationException(
                    $"{Name}: operands lie on {operand.Device} ({operand}) and on {Target.Device} ({Target}); make both on one device.");
        }
    }
}
