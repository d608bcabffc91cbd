using System.Runtime.CompilerServices;
using AdaptFormer.Cuda.Memory;
using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cuda;

/// <summary>One card: matrix products by cuBLASLt, everything else by the kernels under <c>Kernels</c>.</summary>
internal sealed unsafe partial class CudaKernels : Tensors.Kernels
{
    // A batch that keeps the card busy longer than the host needs to ask for it gains nothing by being repeated as one.
    private const int MostRepeated = 8;
    private const int PerBlock = 1024, RowsPerBlock = 8;
    private readonly ConditionalWeakTable<object, Recordings> _recordings = [];
    private readonly CudaContext _context;

    /// <summary>Takes a card and makes it known as a device.</summary>
    /// <param name="libraries">What drives it.</param>
    /// <param name="ordinal">Which card.</param>
    /// <param name="name">The device's name.</param>
    public CudaKernels(CudaLibraries libraries, int ordinal, string name)
    {
        _context = new CudaContext(libraries, ordinal);
        Name = $"CUDA, {_context.Card.Name}";
        Device = Device.Register(name, () => this);
    }

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool FastBFloat16 => true;

    /// <summary>The card.</summary>
    public CudaContext Context => _context;

    /// <inheritdoc/>
    public override Storage Allocate(long bytes)
    {
        _context.Enter();
        return new CudaStorage(Device, _context.Pool, bytes);
    }

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) => new CudaStorage(Device, _context.Pool, bytes, address =>
    {
        _context.Enter();
        _context.Driver.Check(_context.Driver.FillBytes(address, 0, (nuint)bytes, _context.Compute), "cuMemsetD8Async");
    });

    /// <inheritdoc/>
    public override Storage Mapped(nint pointer, long bytes, object owner) => new CudaStorage(Device, _context.Pool, bytes, address =>
    {
        _context.Enter();
        _context.Staging.Copy(pointer, address, bytes);
        GC.KeepAlive(owner);
    });

    /// <inheritdoc/>
    public override void CopyFromHost(nint source, Tensor destination)
    {
        _context.Enter();
        _context.Staging.Copy(source, Argument.Address(destination), destination.Bytes);
        GC.KeepAlive(destination);
    }

    /// <inheritdoc/>
    public override byte[]? NewExchangeId()
    {
        if (_context.Collectives is not { } api) return null;
        CollectiveApi.UniqueId id;
        api.Check(api.NewId(&id), "ncclGetUniqueId");
        return new Span<byte>(id.Data, CollectiveApi.UniqueId.Bytes).ToArray();
    }

    /// <inheritdoc/>
    public override TensorExchange Connect(ReadOnlySpan<byte> id, int rank, int size, TimeSpan within) =>
        _context.Collectives is { } api ? new CudaExchange(api, _context, id, rank, size, within) : base.Connect(id, rank, size, within);

    /// <inheritdoc/>
    public override void CopyPixels(ReadOnlySpan<byte> bytes, ReadOnlySpan<float> table, Tensor destination)
    {
        using Tensor numbers = FromHost(table, new Shape(table.Length));
        using Tensor raw = Temporary(new Shape((bytes.Length + sizeof(float) - 1) / sizeof(float)));       // bytes in the memory of floats
        fixed (byte* source = bytes) _context.Staging.Copy((nint)source, Argument.Address(raw), bytes.Length);
        Each(KernelNames.NormalizePixels, destination.Length, Argument.Pointer(raw), Argument.Pointer(numbers),
            destination.Length / destination.Shape[0] / 3, destination, destination.Length);
    }

    /// <inheritdoc/>
    public override void Synchronize() => _context.Synchronize();

    /// <inheritdoc/>
    public override long? HeldBytes => _context.Pool.HeldBytes;

    /// <inheritdoc/>
    public override Readback StartRead(Tensor source)
    {
        CudaContext.RequireNoRecording();
        _context.Enter();
        using Tensor exact = Typed(source, DataType.Float32);
        return _context.Readbacks.Start(Argument.Address(exact), (int)exact.Length, _context.Compute);
    }

    /// <inheritdoc/>
    public override Tensor Repeat(object owner, Tensor input, Func<Tensor, Tensor> body) =>
        input.Shape[0] <= MostRepeated ? _recordings.GetOrCreateValue(owner).Run(this, input, body) : body(input);

    /// <inheritdoc/>
    public override void CopyToHost(Tensor source, nint destination)
    {
        CudaContext.RequireNoRecording();
        _context.Enter();
        int code = _context.Driver.CopyOut(destination, Argument.Address(source), (nuint)source.Bytes, _context.Compute);
        _context.Driver.Check(code, "cuMemcpyDtoHAsync");
        _context.Synchronize();
        GC.KeepAlive(source);
    }

    /// <inheritdoc/>
    public override DataType GeluKept(DataType result) => result == DataType.BFloat16 ? DataType.Code8 : DataType.Code16;

    /// <summary>A tensor on this card that no scope owns, contents undefined.</summary>
    internal Tensor NewTensor(Shape shape, DataType type) => Temporary(shape, type);

    /// <summary>Gives up what was made for layouts of windows; it is made again when it is asked for.</summary>
    public void ForgetWindows()
    {
        foreach ((_, WindowTables tables) in _windows) tables.Dispose();
        _windows.Clear();
    }

    /// <summary>One element a thread and sweep.</summary>
    private void Each(KernelName kernel, long n, params ReadOnlySpan<Argument> arguments) =>
        _context.Launch(kernel, (n + PerBlock - 1) / PerBlock, 1, arguments);

    /// <summary>One row a warp.</summary>
    private void Rows(KernelName kernel, long rows, params ReadOnlySpan<Argument> arguments) =>
        _context.Launch(kernel, (rows + RowsPerBlock - 1) / RowsPerBlock, 1, arguments);

    /// <summary>Whole numbers on the card. The caller disposes them.</summary>
    private Tensor Upload(ReadOnlySpan<int> values)
    {
        Tensor numbers = Temporary(new Shape(Math.Max(1, values.Length)));
        _context.Enter();
        fixed (int* source = values)
            if (values.Length > 0) _context.Staging.Copy((nint)source, Argument.Address(numbers), values.Length * (long)sizeof(int));
        return numbers;
    }

    /// <summary>For each of <paramref name="count"/> places the positions in <paramref name="places"/> that name it, in order.</summary>
    /// <returns>Where each place's positions start, one more at the end, and the positions.</returns>
    private static (int[] Starts, int[] Order) ByPlace(ReadOnlySpan<int> places, int count)
    {
        int[] starts = new int[count + 1], order = new int[places.Length];
        foreach (int place in places) starts[place + 1]++;
        for (int i = 0; i < count; i++) starts[i + 1] += starts[i];
        int[] next = starts[..^1];
        for (int i = 0; i < places.Length; i++) order[next[places[i]]++] = i;
        return (starts, order);
    }
}
