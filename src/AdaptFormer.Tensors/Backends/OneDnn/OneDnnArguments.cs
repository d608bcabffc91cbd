using System.Diagnostics;
using AdaptFormer.Tensors.Backends.Cpu;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// The arguments of one call. Memory objects are made for the call and freed after it: well under a microsecond, and
/// nothing is shared between threads.
/// </summary>
/// <param name="engine">The CPU engine.</param>
/// <param name="args">Room for <see cref="Most"/> arguments.</param>
internal unsafe ref struct OneDnnArguments(nint engine, Span<ExecArg> args) : IDisposable
{
    /// <summary>A, B, bias, C and scratch.</summary>
    public const int Most = 5;

    private readonly Span<ExecArg> _args = args;
    private int _count;

    /// <summary>Adds the memory at <paramref name="pointer"/>; oneDNN does not check it, a null one crashes the process.</summary>
    public void Add(int arg, nint desc, nint pointer, string subject)
    {
        Debug.Assert(pointer != 0, $"oneDNN: argument {arg} of {subject} is a null pointer.");
        nint memory;
        OneDnnApi.Check(dnnl_memory_create(&memory, desc, engine, (void*)pointer), nameof(dnnl_memory_create), subject);
        _args[_count++] = new ExecArg(arg, memory);
    }

    /// <summary>Adds the scratch memory that <paramref name="primitiveDesc"/> asks for, from the worker's buffer.</summary>
    public void AddScratch(nint primitiveDesc, Worker worker, string subject)
    {
        nint desc = OneDnnApi.QueryDesc(primitiveDesc, OneDnnApi.QueryScratchpad);
        nuint bytes = dnnl_memory_desc_get_size(desc);
        if (bytes > 0) Add(OneDnnApi.ArgScratchpad, desc, (nint)worker.Scratch(bytes), subject);
    }

    /// <summary>Runs the primitive and returns when it has finished.</summary>
    public readonly void Execute(nint primitive, nint stream, string subject)
    {
        fixed (ExecArg* first = _args)
            OneDnnApi.Check(dnnl_primitive_execute(primitive, stream, _count, first), nameof(dnnl_primitive_execute), subject);
        OneDnnApi.Check(dnnl_stream_wait(stream), nameof(dnnl_stream_wait), subject);
    }

    /// <summary>Frees the memory objects; the memory itself belongs to the caller.</summary>
    public readonly void Dispose()
    {
        foreach (ExecArg arg in _args[.._count]) _ = dnnl_memory_destroy(arg.Memory);
    }
}
