using System.Collections.Concurrent;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>Products of bytes by oneDNN's blocked kernels, where its instructions add four products without saturation (VNNI,
/// AMX).</summary>
internal sealed unsafe class OneDnnByteMatrix : ByteMatrix
{
    private const int ReferenceRows = 256;
    private readonly OneDnnRuntime _runtime;
    private readonly int _k, _n;
    private readonly string _subject;
    private readonly nint _layout;      // belongs to a primitive description that stays for the life of the process
    private readonly ConcurrentDictionary<int, Product> _products = new();
    private nint _memory;

    private OneDnnByteMatrix(OneDnnRuntime runtime, int k, int n, string subject, nint layout, string implementation)
    {
        (_runtime, _k, _n, _subject, _layout, Implementation) = (runtime, k, n, subject, layout, implementation);
        Bytes = checked((long)dnnl_memory_desc_get_size(layout));
        _memory = SystemMemory.Allocate(Bytes);
    }

    ~OneDnnByteMatrix() => Free();

    /// <inheritdoc/>
    public override long Bytes { get; }

    /// <inheritdoc/>
    public override string Implementation { get; }

    /// <summary>Arranges codes [N, K]; null where oneDNN has no exact blocked kernel for bytes here.</summary>
    public static OneDnnByteMatrix? TryPack(OneDnnRuntime runtime, int k, int n, sbyte* codes)
    {
        string subject = $"byte weights [{k}x{n}]";
        OneDnnByteMatrix? matrix = null;
        nint from = 0;
        try
        {
            nint reference = Describe(runtime, ReferenceRows, k, n, weights: 0, subject);
            string implementation = OneDnnApi.Implementation(reference);
            bool exact = implementation.Contains("vnni", StringComparison.Ordinal)
                || implementation.Contains("amx", StringComparison.Ordinal);
            if (!OneDnnApi.IsBlocked(implementation) || !exact)
            {
                _ = dnnl_primitive_desc_destroy(reference);
                return null;
            }

            nint layout = OneDnnApi.QueryDesc(reference, OneDnnApi.QueryWeights);
            matrix = new OneDnnByteMatrix(runtime, k, n, subject, layout, $"oneDNN {implementation}");
            from = runtime.Api.Describe(OneDnnApi.SignedByte, [k, n], [1, k], subject);
            OneDnnCopy.Run(runtime, Worker.Current, from, (nint)codes, layout, matrix._memory, subject);
            return matrix;
        }
        catch (OneDnnException error) when (error.IsRefusal)
        {
            matrix?.Dispose();
            return null;
        }
        finally
        {
            runtime.Api.Release(from);
        }
    }

    /// <inheritdoc/>
    public override void Multiply(Worker worker, byte* a, int m, int* c)
    {
        OneDnnThread thread = OneDnnThread.Of(worker, _runtime);
        Product product = _products.GetOrAdd(m, rows => new Product(Describe(_runtime, rows, _k, _n, _layout, _subject), _subject));
        using OneDnnArguments args = new(_runtime.Api.Engine, stackalloc ExecArg[OneDnnArguments.Most]);
        args.Add(OneDnnApi.ArgSource, product.A, (nint)a, _subject);
        args.Add(OneDnnApi.ArgWeights, _layout, _memory, _subject);
        args.Add(OneDnnApi.ArgTarget, product.C, (nint)c, _subject);
        args.AddScratch(product.Desc, worker, _subject);
        args.Execute(product.Primitive, thread.Stream, _subject);
        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static nint Describe(OneDnnRuntime runtime, int m, int k, int n, nint weights, string subject)
    {
        _ = OneDnnThread.Of(Worker.Current, runtime);       // the thread limit comes before any primitive
        OneDnnApi api = runtime.Api;
        nint a = 0, any = 0, c = 0, attr = 0;
        try
        {
            a = api.Describe(OneDnnApi.UnsignedByte, [m, k], [RowBytes(k), 1], subject);
            if (weights == 0) any = api.DescribeAny(OneDnnApi.SignedByte, k, n, subject);
            c = api.Describe(OneDnnApi.Int32, [m, n], [n, 1], subject);
            attr = api.CreateAttributes(Epilogue.None, scale: 1, accumulate: false, subject);
            return api.CreateMatMul(a, weights == 0 ? any : weights, 0, c, attr, subject);
        }
        finally
        {
            api.Release(a);
            api.Release(any);
            api.Release(c);
            if (attr != 0) _ = dnnl_primitive_attr_destroy(attr);
        }
    }

    private void Free()
    {
        if (_memory == 0) return;
        SystemMemory.Free(_memory, Bytes);
        _memory = 0;
    }

    private sealed class Product(nint desc, string subject)
    {
        public nint Desc => desc;

        public nint A { get; } = OneDnnApi.QueryDesc(desc, OneDnnApi.QuerySource);

        public nint C { get; } = OneDnnApi.QueryDesc(desc, OneDnnApi.QueryTarget);

        public nint Primitive { get; } = OneDnnApi.CreatePrimitive(desc, subject);
    }
}
