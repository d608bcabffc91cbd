using AdaptFormer.Tensors.Backends.Cpu;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// What one thread needs to call oneDNN: a stream of its own, and OpenMP told once that regions opened here have one thread.
/// We own the threads; a second pool under each of them would spin for milliseconds after every call.
/// </summary>
internal sealed unsafe class OneDnnThread
{
    private OneDnnThread(OneDnnApi api, delegate* unmanaged<int, void> setThreads)
    {
        if (setThreads != null) setThreads(1); // per operating-system thread, as OpenMP documents
        nint stream;
        const uint InOrder = 1;
        OneDnnApi.Check(dnnl_stream_create(&stream, api.Engine, InOrder), nameof(dnnl_stream_create), "this thread");
        Stream = stream;
    }

    /// <summary>The stream; used by this thread only.</summary>
    public nint Stream { get; }

    /// <summary>The state of <paramref name="worker"/>, made at its first use. Primitives must be created after it: their scratch size
    /// depends on the thread limit.</summary>
    public static OneDnnThread Of(Worker worker, OneDnnRuntime runtime)
    {
        if (worker.NativeState is OneDnnThread thread) return thread;
        thread = new OneDnnThread(runtime.Api, runtime.SetThreads);
        worker.NativeState = thread;
        return thread;
    }

    /// <summary>Frees the stream when the thread has ended.</summary>
    ~OneDnnThread() => _ = dnnl_stream_destroy(Stream);
}
