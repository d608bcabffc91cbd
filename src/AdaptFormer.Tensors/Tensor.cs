using System.Diagnostics;

namespace AdaptFormer.Tensors;

/// <summary>
/// A dense, row-major array of numbers in native memory. Operations are extension methods under <c>Ops/</c>; each carries its own gradient.
/// A tensor carries the <see cref="Tape"/> of the pass it belongs to, if any, and gradients are recorded exactly when one is there.
/// </summary>
public unsafe class Tensor : IDisposable
{
    private Storage? _storage;
    private int _holders = 1, _disposed;
    private Tensor? _bfloat16;

    internal Tensor(Shape shape, DataType type, Storage storage, long offsetBytes = 0, bool scoped = true)
    {
        (Shape, Type, _storage, OffsetBytes, Device) = (shape, type, storage, offsetBytes, storage.Device);
        if (scoped) TensorScope.Register(this);
    }

    /// <summary>Axis lengths, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>How the numbers are stored.</summary>
    public DataType Type { get; }

    /// <summary>Where the numbers lie.</summary>
    public Device Device { get; private set; }

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Length;

    /// <summary>Bytes of the elements.</summary>
    public long Bytes => Length * Type.Size();

    /// <summary>The pass this tensor belongs to; null when nothing is recorded, and again when the pass is over.</summary>
    public Tape? Tape { get => field is { IsOver: false } ? field : null; internal set; }

    /// <summary>Whether the backward pass wants the gradient of this tensor.</summary>
    public virtual bool NeedsGrad => Producer is { IsOver: false };

    /// <summary>The gradient collected so far, of this shape and type; null before the backward pass reaches it.</summary>
    public Tensor? Grad { get; internal set; }

    /// <summary>The tape that recorded the op whose result this is.</summary>
    internal Tape? Producer { get; set; }

    /// <summary>Whether the memory is still there.</summary>
    public bool IsAlive => _storage is not null;

    internal nint Pointer
    {
        get
        {
            if (_storage is null) Throw.Released(this);
            return _storage.Pointer + (nint)OffsetBytes;
        }
    }

    internal float* Floats
    {
        get
        {
            Debug.Assert(Type == DataType.Float32, "A kernel for f32 got a bf16 tensor: its op did not check.");
            return (float*)Pointer;
        }
    }

    /// <summary>The memory, which other tensors may share.</summary>
    /// <exception cref="ObjectDisposedException">It went back.</exception>
    public Storage Storage
    {
        get
        {
            if (_storage is null) Throw.Released(this);
            return _storage;
        }
    }

    /// <summary>Where in <see cref="Storage"/> the first element lies.</summary>
    public long OffsetBytes { get; private set; }

    /// <summary>A tensor on the current device whose contents are undefined, for an op to fill.</summary>
    public static Tensor Empty(Shape shape, DataType type = DataType.Float32) =>
        new(shape, type, Backend.Current.Allocate(shape.Length * type.Size()));

    /// <summary>All zeros.</summary>
    public static Tensor Zeros(params ReadOnlySpan<int> dims) => Full(new Shape(dims), 0);

    /// <summary>All <paramref name="value"/>.</summary>
    public static Tensor Full(Shape shape, float value)
    {
        Tensor tensor = Empty(shape);
        new FillCall(tensor, value).Run();
        return tensor;
    }

    /// <summary>A tensor beside this one, on its device, whose contents are undefined.</summary>
    public Tensor NewEmpty(Shape shape, DataType type = DataType.Float32) =>
        new(shape, type, Backend.For(Device).Allocate(shape.Length * type.Size()));

    /// <summary>A tensor of zeros beside this one.</summary>
    public Tensor NewZeros(params ReadOnlySpan<int> dims) => NewFull(new Shape(dims), 0);

    /// <summary>A tensor of one value beside this one.</summary>
    public Tensor NewFull(Shape shape, float value)
    {
        Tensor tensor = NewEmpty(shape);
        new FillCall(tensor, value).Run();
        return tensor;
    }

    /// <summary>A copy of <paramref name="values"/> beside this one, in f32.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public Tensor NewFrom(ReadOnlySpan<float> values, Shape shape)
    {
        if (values.Length != shape.Length)
            throw new ArgumentException($"Tensor.NewFrom: {shape} has {shape.Length} elements, got {values.Length} values.");
        Tensor tensor = NewEmpty(shape);
        tensor.CopyFrom(values);
        return tensor;
    }

    /// <summary>A copy of <paramref name="values"/>, in f32.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public static Tensor From(ReadOnlySpan<float> values, Shape shape)
    {
        if (values.Length != shape.Length)
            throw new ArgumentException($"Tensor.From: {shape} has {shape.Length} elements, got {values.Length} values.");
        Tensor tensor = Empty(shape);
        tensor.CopyFrom(values);
        return tensor;
    }

    /// <summary>
    /// An f32 tensor on the current device of numbers in the host's memory, which <paramref name="owner"/> keeps alive and in place; ops
    /// only read it. On the host it is that memory, elsewhere a copy.
    /// </summary>
    public static Tensor Borrow(nint pointer, Shape shape, object owner)
    {
        Backend current = Backend.Current;
        if (current.Device == Device.Host)
            return new(shape, DataType.Float32, HostStorage.Borrow(pointer, shape.Length * sizeof(float), owner), scoped: false);
        Tensor copy = new(shape, DataType.Float32, current.Allocate(shape.Length * sizeof(float)), scoped: false);
        current.CopyFromHost(pointer, copy);
        return copy;
    }

    /// <summary>The numbers that 8-bit values of pictures stand for, on the current device, which no scope owns.</summary>
    /// <param name="bytes">[B, 3, …].</param>
    /// <param name="table">The number of each of the 256 values of the first channel, then the second's, then the third's.</param>
    /// <param name="shape">[B, 3, …].</param>
    /// <exception cref="ArgumentException">The number of values is not the shape's, or there is no number for each.</exception>
    public static Tensor OfPixels(ReadOnlySpan<byte> bytes, ReadOnlySpan<float> table, Shape shape)
    {
        if (bytes.Length != shape.Length || shape.Rank < 3 || shape[1] != 3 || table.Length != 3 * 256)
            throw new ArgumentException($"Tensor.OfPixels: {bytes.Length} values and {table.Length} numbers do not make {shape}.");
        Tensor pixels = new(shape, DataType.Float32, Backend.Current.Allocate(shape.Length * sizeof(float)), scoped: false);
        Backend.Current.CopyPixels(bytes, table, pixels);
        return pixels;
    }

    /// <summary>The elements of an f32 tensor in the host's memory, in place: for the code of the host's own backend.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not f32, or lies on another device.</exception>
    internal Span<float> Span
    {
        get
        {
            if (Type != DataType.Float32)
                throw new InvalidOperationException($"Tensor.Span: only f32 tensors have a float span, this one is {Type}; use ToArray.");
            return new Span<float>((void*)Pointer, checked((int)Length));
        }
    }

    /// <summary>A copy of the elements in the host's memory, converted to f32.</summary>
    public float[] ToArray()
    {
        float[] values = new float[Length];
        CopyTo(values);
        return values;
    }

    /// <summary>A computation on this tensor that is run again and again; see <see cref="Backend.Repeat"/>.</summary>
    public Tensor Repeat(object owner, Func<Tensor, Tensor> body) => Backend.For(Device).Repeat(owner, this, body);

    /// <summary>Starts to copy the elements to the host; the device goes on meanwhile.</summary>
    public Readback StartRead() => Backend.For(Device).StartRead(this);

    /// <summary>Copies the elements, converted to f32, into the host's memory.</summary>
    /// <exception cref="ArgumentException">The number of values is not the tensor's.</exception>
    public void CopyTo(Span<float> destination)
    {
        if (destination.Length != Length)
            throw new ArgumentException($"Tensor.CopyTo: {Shape} has {Length} elements, got room for {destination.Length}.");
        Backend backend = Backend.For(Device);
        using Tensor? exact = Type == DataType.Float32
            ? null : new(Shape, DataType.Float32, backend.Allocate(Length * sizeof(float)), scoped: false);
        if (exact is not null) new CopyCall(this, exact).Run();
        fixed (float* pointer = destination) backend.CopyToHost(exact ?? this, (nint)pointer);
        GC.KeepAlive(this);     // a tensor outside of scopes may have no other use, and its memory would go while it is read
    }

    /// <summary>Copies the elements as they are stored, row by row, into the host's memory.</summary>
    /// <exception cref="ArgumentException">The number of bytes is not the tensor's.</exception>
    public void CopyBytesTo(Span<byte> destination)
    {
        if (destination.Length != Bytes)
            throw new ArgumentException($"Tensor.CopyBytesTo: {this} has {Bytes} bytes, got room for {destination.Length}.");
        fixed (byte* pointer = destination) Backend.For(Device).CopyToHost(this, (nint)pointer);
        GC.KeepAlive(this);
    }

    /// <summary>Takes the elements, as they are stored, from the host's memory.</summary>
    /// <exception cref="ArgumentException">The number of bytes is not the tensor's.</exception>
    public void CopyBytesFrom(ReadOnlySpan<byte> source)
    {
        if (source.Length != Bytes) throw new ArgumentException($"Tensor.CopyBytesFrom: {this} has {Bytes} bytes, got {source.Length}.");
        fixed (byte* pointer = source) Backend.For(Device).CopyFromHost((nint)pointer, this);
    }

    /// <summary>Takes the elements of an f32 tensor from the host's memory; the caller has checked their number.</summary>
    private protected void CopyFrom(ReadOnlySpan<float> values)
    {
        fixed (float* source = values) Backend.For(Device).CopyFromHost((nint)source, this);
    }

    /// <summary>The value of a tensor of one element.</summary>
    /// <exception cref="InvalidOperationException">There is not exactly one element.</exception>
    public float Item() =>
        Length == 1 ? ToArray()[0] : throw new InvalidOperationException($"Tensor.Item: {Shape} has {Length} elements, not one.");

    /// <summary>
    /// The same numbers in <paramref name="type"/>, to be read by a matrix product or kept for the backward pass. The bf16 copy of an
    /// f32 tensor is made once and shared by all who ask; gradients do not pass through it (see <c>CastOp</c> for that).
    /// </summary>
    public Tensor As(DataType type)
    {
        if (Type == type) return this;
        if (type == DataType.BFloat16 && _bfloat16 is { IsAlive: true } copy) return copy;
        bool shared = type == DataType.BFloat16;
        Tensor converted = new(Shape, type, Backend.For(Device).Allocate(Length * type.Size()), scoped: !shared);
        new CopyCall(this, converted).Run();
        if (type == DataType.BFloat16) _bfloat16 = converted;
        return converted;
    }

    /// <summary>Sizes when read as a weight matrix: the first axis by all others.</summary>
    internal (int Rows, int Columns) AsMatrix() => (Shape[0], (int)(Length / Shape[0]));

    /// <summary>The same memory under another shape, without a gradient of its own.</summary>
    public Tensor View(Shape shape) => View(shape, 0);

    /// <summary>
    /// A contiguous part of the memory, <paramref name="offset"/> elements from the start, without a gradient of its own.
    /// </summary>
    /// <exception cref="ArgumentException">It does not lie inside.</exception>
    public Tensor View(Shape shape, long offset)
    {
        if (offset + shape.Length > Length) throw new ArgumentException($"View: {shape} at element {offset} does not lie inside {Shape}.");
        return new Tensor(shape, Type, Storage.Retain(), OffsetBytes + (offset * Type.Size()));
    }

    /// <summary>Whether the first elements of both are the same memory.</summary>
    internal bool Overlaps(Tensor other) => Storage == other.Storage && OffsetBytes == other.OffsetBytes;

    /// <summary>
    /// This tensor's memory under another shape of as many elements, for a result that takes it over: this tensor has none from now on.
    /// </summary>
    internal Tensor Move(Shape shape)
    {
        Storage? storage = Interlocked.Exchange(ref _storage, null);
        if (storage is null) Throw.Released(this);
        return new Tensor(shape, Type, storage, OffsetBytes);
    }

    /// <summary>
    /// Gives the memory away: the caller reads these numbers no more, so that the next op that makes a result of this shape out of them may
    /// put it there. An op does that only where nobody else, such as a tape, holds the memory; the object stays usable as the place of its
    /// gradient.
    /// </summary>
    /// <returns>This tensor.</returns>
    public Tensor Give()
    {
        IsGiven = true;
        return this;
    }

    /// <summary>Whether whoever made this tensor has given it away.</summary>
    public bool IsGiven { get; private set; }

    /// <summary>
    /// Memory for a result: that of this tensor, which has none from then on, if it was given, nobody else holds it and it fits; new memory
    /// otherwise.
    /// </summary>
    internal Tensor TakeOrEmpty(Shape shape, DataType type) =>
        IsGiven && this is not Parameter && HasOneHolder && Type == type && Length == shape.Length ? Move(shape) : NewEmpty(shape, type);

    /// <summary>One more holder beside the owner: the memory stays until each has called <see cref="Release"/>.</summary>
    internal void Retain() => Interlocked.Increment(ref _holders);

    /// <summary>Bytes that keeping this tensor costs.</summary>
    internal long HeldBytes => _storage?.Bytes ?? 0;

    /// <summary>Points a parameter at other memory of the same size, for example a slice of a flat buffer.</summary>
    private protected void Rebind(Storage storage, long offsetBytes = 0)
    {
        _storage?.Release();
        (_storage, OffsetBytes, Device) = (storage, offsetBytes, storage.Device);
    }

    /// <summary>Gives the memory back although the object stays in use for what was derived from it.</summary>
    private protected void FreePlain() => Interlocked.Exchange(ref _storage, null)?.ReleaseForGood();

    /// <summary>
    /// Gives up the owner's hold; the memory goes back once no tape needs it either. A second call does nothing, so a tensor may be
    /// disposed early although a scope owns it. The object stays usable as the place of its gradient.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives up one hold.</summary>
    internal void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0) return;
        Storage? storage = Interlocked.Exchange(ref _storage, null);
        storage?.Release();
        DropCopies();
        OnReleased();
    }

    /// <summary>
    /// Whether nobody but the caller sees the numbers, through this tensor or a view, so that they may be changed in place.
    /// </summary>
    internal bool HasOneHolder => Volatile.Read(ref _holders) == 1 && _storage is { References: 1 };

    /// <summary>Forgets the bf16 copy: the numbers changed, or the memory goes.</summary>
    internal void DropCopies() => Interlocked.Exchange(ref _bfloat16, null)?.Dispose();

    /// <summary>Frees what a subclass derived from the elements.</summary>
    private protected virtual void OnReleased()
    {
    }

    /// <summary>For example <c>Float32 [8, 197, 768]</c>.</summary>
    public override string ToString() => $"{Type} {Shape}";
}
