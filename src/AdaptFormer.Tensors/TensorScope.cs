namespace AdaptFormer.Tensors;

/// <summary>
/// Gives the memory of temporaries back at a known moment. Every tensor made on this thread while a scope is open belongs to
/// it and is released when it closes, unless <see cref="Keep"/> hands it to the enclosing scope. What a tape keeps for the backward pass
/// stays until that pass has used it. Without a scope a tensor lives until it is disposed or collected.
/// </summary>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? _current;

    private readonly TensorScope? _outer;
    private readonly List<Tensor> _members = [];
    private bool _closed;

    /// <summary>Opens a scope inside the thread's current one.</summary>
    public TensorScope()
    {
        _outer = _current;
        _current = this;
    }

    /// <summary>Runs <paramref name="body"/> in a scope of its own and keeps what it returns.</summary>
    public static Tensor Run(Func<Tensor> body)
    {
        using TensorScope scope = new();
        return scope.Keep(body());
    }

    /// <summary>Lets <paramref name="tensor"/> outlive this scope: it moves to the enclosing one.</summary>
    public Tensor Keep(Tensor tensor)
    {
        if (_members.Remove(tensor)) _outer?._members.Add(tensor);
        return tensor;
    }

    /// <summary>Releases every tensor of the scope that was not kept.</summary>
    /// <exception cref="InvalidOperationException">A scope opened inside this one is still open.</exception>
    public void Dispose()
    {
        if (_closed) return;
        if (_current != this)
            throw new InvalidOperationException(
                "TensorScope: scopes close in the order opposite to their opening, on the thread that opened them.");
        _closed = true;
        _current = _outer;
        foreach (Tensor tensor in _members) tensor.Dispose();
    }

    internal static void Register(Tensor tensor) => _current?._members.Add(tensor);
}
