using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

/// <summary>
/// Where ops run. An op checks shapes, owns the gradient and makes a <see cref="Call"/>; it never touches a pointer and never assumes that
/// a tensor's memory is host memory. A device that computes derives from <see cref="Kernels"/>; what only looks at the calls (counts, times
/// or writes them down) overrides <see cref="Invoke"/>.
/// </summary>
public abstract class Backend
{
    private static readonly AsyncLocal<Backend?> Chosen = new();

    /// <summary>The backend that new tensors are made on: what <see cref="Use"/> chose in this call context, else the host's.</summary>
    public static Backend Current => Chosen.Value ?? Device.Host.Backend;

    /// <summary>
    /// Makes <paramref name="backend"/> the current one until the result is disposed. It also runs the calls on tensors of its own device.
    /// </summary>
    public static IDisposable Use(Backend backend)
    {
        Restore restore = new(Chosen.Value);
        Chosen.Value = backend;
        return restore;
    }

    /// <summary>Where its tensors lie.</summary>
    public abstract Device Device { get; }

    /// <summary>For example <c>CPU, oneDNN 2.6.3</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether bf16 matrix products run faster here than f32 ones: what precision <c>auto</c> chooses.</summary>
    public abstract bool FastBFloat16 { get; }

    /// <summary>Memory with undefined contents.</summary>
    public abstract Storage Allocate(long bytes);

    /// <summary>Zeros, a multiple of 4 bytes.</summary>
    public abstract Storage AllocateZeros(long bytes);

    /// <summary>Fills <paramref name="destination"/> with as many bytes from the host's memory.</summary>
    public abstract void CopyFromHost(nint source, Tensor destination);

    /// <summary>Copies the bytes of <paramref name="source"/> into the host's memory.</summary>
    public abstract void CopyToHost(Tensor source, nint destination);

    /// <summary>
    /// The type of what <see cref="LinearGeluCall"/> keeps for its backward pass; the default keeps what the activation was given.
    /// </summary>
    /// <param name="result">The type of the result.</param>
    public virtual DataType GeluKept(DataType result) => result;

    /// <summary>Runs one call: every operation on a tensor of this backend's device passes here.</summary>
    public abstract void Invoke(Call call);

    /// <summary>What runs calls on a device's tensors: the current backend if it is one of that device, else the device's own.</summary>
    internal static Backend For(Device device)
    {
        Backend current = Current;
        return current.Device == device ? current : device.Backend;
    }

    private sealed class Restore(Backend? previous) : IDisposable
    {
        public void Dispose() => Chosen.Value = previous;
    }
}
