namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>How a frozen K×N operand of one type is kept.</summary>
internal enum WeightKind
{
    /// <summary>In the blocked layout of oneDNN's brgemm kernels.</summary>
    Blocked,

    /// <summary>As the stored transpose [N, K], row-major: what the library's other fast kernels read best.</summary>
    Transposed,

    /// <summary>By the fallback library, which also runs its products.</summary>
    Fallback,
}

/// <summary>
/// The layout of packed weights for one (K, N, type), decided once and shared by every plan and every packed matrix of that
/// size: oneDNN prefers the same layout for every number of rows, bias and epilogue, so one copy serves them all.
/// </summary>
internal sealed class WeightLayout
{
    // Long enough to be a typical product; the preferred layout does not depend on it.
    private const int ReferenceRows = 256;

    private WeightLayout(WeightKind kind, string implementation, nint desc = 0)
    {
        (Kind, Implementation, Desc) = (kind, implementation, desc);
        Bytes = desc == 0 ? 0 : checked((long)NativeMethods.dnnl_memory_desc_get_size(desc));
    }

    public WeightKind Kind { get; }

    /// <summary>What oneDNN would run with its preferred layout.</summary>
    public string Implementation { get; }

    /// <summary>oneDNN's descriptor; lives as long as the process. 0 for <see cref="WeightKind.Fallback"/>.</summary>
    public nint Desc { get; }

    /// <summary>Bytes with padding: blocks are 64 columns wide, so few columns cost more than they hold.</summary>
    public long Bytes { get; }

    public static WeightLayout Choose(OneDnnRuntime runtime, long k, long n, DataType type)
    {
        if (k == 0 || n == 0) return new WeightLayout(WeightKind.Fallback, "nothing");
        _ = OneDnnThread.Of(Cpu.Worker.Current, runtime); // the thread limit comes before any primitive
        OneDnnApi api = runtime.Api;
        string subject = $"weights [{k}x{n}] {OneDnnDescriptors.Text(type)}";
        nint source = 0, weights = 0, target = 0, attr = 0;
        try
        {
            source = api.Describe(type, [ReferenceRows, k], [k, 1], subject);
            weights = api.DescribeAny(type, k, n, subject);
            target = api.Describe(type, [ReferenceRows, n], [n, 1], subject);
            attr = api.CreateAttributes(Cpu.Epilogue.None, scale: 1, accumulate: false, subject);
            nint reference = api.CreateMatMul(source, weights, 0, target, attr, subject);
            string implementation = OneDnnApi.Implementation(reference);
            if (implementation.StartsWith("brg", StringComparison.Ordinal))
                return new WeightLayout(WeightKind.Blocked, implementation, OneDnnApi.QueryDesc(reference, OneDnnApi.QueryWeights)); // the reference keeps it alive

            _ = NativeMethods.dnnl_primitive_desc_destroy(reference);
            // bf16 without brgemm kernels is emulated, three times slower than f32.
            bool slow = implementation.Contains("ref", StringComparison.Ordinal) || type == DataType.BFloat16;
            return slow
                ? new WeightLayout(WeightKind.Fallback, implementation)
                : new WeightLayout(WeightKind.Transposed, implementation, api.Describe(type, [k, n], [1, k], subject));
        }
        catch (OneDnnException error) when (error.IsRefusal)
        {
            return new WeightLayout(WeightKind.Fallback, "unimplemented");
        }
        finally
        {
            api.Release(source);
            api.Release(weights);
            api.Release(target);
            if (attr != 0) _ = NativeMethods.dnnl_primitive_attr_destroy(attr);
        }
    }
}
