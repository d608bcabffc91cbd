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

    /// <summary>
    /// Memory that takes its contents from the host's when it is first read, and may never be taken where only copies in another type are;
    /// null where that is not done.
    /// </summary>
    /// <param name="pointer">Where the contents lie.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="owner">Keeps them alive and in place.</param>
    public virtual Storage? Mapped(nint pointer, long bytes, object owner) => null;

    /// <summary>Fills <paramref name="destination"/> with as many bytes from the host's memory.</summary>
    public abstract void CopyFromHost(nint source, Tensor destination);

    /// <summary>Copies the bytes of <paramref name="source"/> into the host's memory.</summary>
    public abstract void CopyToHost(Tensor source, nint destination);

    /// <summary>
    /// Fills <paramref name="destination"/>, f32, with the numbers that 8-bit values of pictures stand for. The default makes them on the
    /// host.
    /// </summary>
    /// <param name="bytes">[B, 3, …], as many as the destination has numbers.</param>
    /// <param name="table">The number of each of the 256 values of the first channel, then the second's, then the third's.</param>
    /// <param name="destination">[B, 3, …].</param>
    public virtual unsafe void CopyPixels(ReadOnlySpan<byte> bytes, ReadOnlySpan<float> table, Tensor destination)
    {
        float[] numbers = new float[bytes.Length];
        PixelTable.Apply(table, bytes, (int)(destination.Length / destination.Shape[0] / 3), numbers);
        fixed (float* source = numbers) CopyFromHost((nint)source, destination);
    }

    /// <summary>
    /// A name for an exchange between devices of this kind, which one process makes and gives to the others; null where the device cannot
    /// exchange numbers by itself.
    /// </summary>
    public virtual byte[]? NewExchangeId() => null;

    /// <summary>Joins the processes that call this with the same name, each with a device of its own.</summary>
    /// <param name="id">Of <see cref="NewExchangeId"/>.</param>
    /// <param name="rank">Which of the processes this is.</param>
    /// <param name="size">How many there are.</param>
    /// <param name="within">The most time that the others may take to come.</param>
    /// <exception cref="NotSupportedException">The device cannot exchange numbers by itself.</exception>
    /// <exception cref="TimeoutException">Not all of them came.</exception>
    public virtual TensorExchange Connect(ReadOnlySpan<byte> id, int rank, int size, TimeSpan within) =>
        throw new NotSupportedException($"{Name} does not exchange numbers with other processes by itself.");

    /// <summary>Waits until the device has done everything; for measurements, as whoever reads a number waits anyway.</summary>
    public virtual void Synchronize()
    {
    }

    /// <summary>Bytes of the device's own memory that this program holds, what waits to be used again included; null on the host.</summary>
    public virtual long? HeldBytes => null;

    /// <summary>
    /// Starts to copy the elements of <paramref name="source"/> to the host behind what was asked so far; a device that computes beside the
    /// host need not be waited for until they are wanted. The default waits at once.
    /// </summary>
    public virtual Readback StartRead(Tensor source) => new Readback.Arrived(source.ToArray());

    /// <summary>
    /// Runs a computation that is asked again and again for inputs of few shapes: a device may record its calls once and repeat them as
    /// one, which spares a small batch the time of asking. The default just runs it.
    /// </summary>
    /// <param name="owner">Whose computation it is: the record lives as long as this object.</param>
    /// <param name="input">Its input, on this device.</param>
    /// <param name="body">The same calls for every input of a shape; it reads nothing else that changes, and nothing on the host.</param>
    public virtual Tensor Repeat(object owner, Tensor input, Func<Tensor, Tensor> body) => body(input);

    /// <summary>
    /// The type of what <see cref="LinearGeluCall"/> keeps for its backward pass; the default keeps what the activation was given.
    /// </summary>
    /// <param name="result">The type of the result.</param>
    public virtual DataType GeluKept(DataType result) => result;

    /// <summary>The type in which layers in 8-bit whole numbers hand on what nothing is added to, where nobody says another: what the
    /// products behind them are fastest in.</summary>
    public virtual DataType InBytesResult => DataType.Float32;

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
