using System.Diagnostics;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Runs the items of one kernel on all cores. The calling thread takes part; the helpers are threads of our own (a native
/// library's thread limit stays on the thread that set it), they spin for a moment after a kernel because the next one
/// follows at once, then sleep. Items are handed out one by one, so results must not depend on which worker runs an item.
/// </summary>
public static class CpuParallel
{
    /// <summary>Work on one item.</summary>
    internal delegate void Body(int item, Worker worker);

    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000;      // 50 µs: about what waking a thread takes
    private static readonly Lock Gate = new();
    private static Helper[] _helpers = [];
    private static int _threads = Environment.ProcessorCount;

    /// <summary>Cores that a kernel may use, at least 1; by default all that the process may run on.</summary>
    public static int Threads
    {
        get => _threads;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            lock (Gate) _threads = value;
        }
    }

    /// <summary>Calls <paramref name="body"/> for every item in [0, <paramref name="items"/>) on all cores and returns when all are
    /// done.</summary>
    public static void For(int items, Action<int> body) => For(items, (item, _) => body(item));

    /// <summary>
    /// Calls <paramref name="body"/> for every item in [0, <paramref name="items"/>) and returns when all are done. When another
    /// thread already has the helpers (two requests served at once), or a body calls this again, the caller runs all items itself.
    /// </summary>
    internal static void For(int items, Body body)
    {
        if (items <= 0) return;
        if (items == 1 || _threads == 1 || Gate.IsHeldByCurrentThread || !Gate.TryEnter())
        {
            Worker worker = Worker.Current;
            for (int i = 0; i < items; i++) body(i, worker);
            return;
        }

        try
        {
            RunShared(items, body);
        }
        finally
        {
            Gate.Exit();
        }
    }

    private static void RunShared(int items, Body body)
    {
        int wanted = Math.Min(_threads, items) - 1;
        while (_helpers.Length < wanted) _helpers = [.. _helpers, new Helper()];

        Job job = new(items, body);
        for (int i = 0; i < wanted; i++) _helpers[i].Start(job);
        job.Run();
        for (int i = 0; i < wanted; i++) _helpers[i].Finish(job);
        job.ThrowIfFailed();
    }

    private sealed class Job(int items, Body body)
    {
        private int _next = -1;
        private Exception? _error;

        public void Run()
        {
            Worker worker = Worker.Current;
            try
            {
                for (int i = Interlocked.Increment(ref _next); i < items; i = Interlocked.Increment(ref _next)) body(i, worker);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref _error, error, null);
                Interlocked.Exchange(ref _next, items);
            }
        }

        public void ThrowIfFailed()
        {
            if (_error is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_error);
        }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "Helpers live as long as the process.")]
    private sealed class Helper
    {
        private readonly SemaphoreSlim _wake = new(0), _done = new(0);
        private Job? _offered;
        private volatile bool _busy, _asleep, _awaited;

        public Helper()
        {
            Thread thread = new(Loop) { IsBackground = true, Name = "AdaptFormer kernel worker" };
            thread.Start();
        }

        public void Start(Job job)
        {
            _busy = true;
            Volatile.Write(ref _offered, job);
            Interlocked.MemoryBarrier();
            if (_asleep) _wake.Release();
        }

        /// <summary>
        /// Returns when this helper has no part in the job any more. One that has not begun is not waited for: on a machine that others use
        /// too, it may get a core only when all items are long done.
        /// </summary>
        public void Finish(Job job)
        {
            if (Interlocked.CompareExchange(ref _offered, null, job) == job) return;

            // Items are short: a yield would hand the core to some background process for a whole time slice.
            for (long began = Stopwatch.GetTimestamp(); _busy && Stopwatch.GetTimestamp() - began < SpinTicks;) Thread.SpinWait(20);
            _awaited = true;
            Interlocked.MemoryBarrier();
            while (_busy) _done.Wait();      // a release that came too late for an earlier job only goes round once more
            _awaited = false;
        }

        private void Loop()
        {
            while (true)
            {
                Next().Run();
                _busy = false;
                Interlocked.MemoryBarrier();
                if (_awaited) _done.Release();
            }
        }

        private Job? Take() => Volatile.Read(ref _offered) is null ? null : Interlocked.Exchange(ref _offered, null);

        private Job Next()
        {
            while (true)
            {
                for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetTimestamp() - began < SpinTicks;)
                {
                    if (Take() is { } job) return job;
                    Thread.SpinWait(20);
                }

                _asleep = true;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref _offered) is null) _wake.Wait();
                _asleep = false;
            }
        }
    }
}
