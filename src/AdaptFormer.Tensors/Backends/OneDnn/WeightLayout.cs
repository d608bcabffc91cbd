namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// The layout of packed weights for one (K, N, type), decided once and shared by every plan and every packed matrix of that
/// size: oneDNN prefers the same layout for every number of rows, bias and epilogue, so one copy serves them all.
/// </summary>
internal sealed class WeightLayout
{
    // Long enough to be a typical product; the preferred layout does not depend on it.
    private const int ReferenceRows = 256;

    private WeightLayout(nint desc, string? implementation = null)
    {
        (Desc, Implementation) = (desc, implementation);
        Bytes = desc == 0 ? 0 : checked((long)NativeMethods.dnnl_memory_desc_get_size(desc));
    }

    /// <summary>
    /// Whether oneDNN has blocked (brgemm) kernels for the type on this CPU. Otherwise the fallback library packs and multiplies: what is
    /// left in oneDNN is no faster for f32, three times slower for bf16, and may round by the number of rows.
    /// </summary>
    public bool IsBlocked => Desc != 0;

    /// <summary>oneDNN's name of the kernel that it would run; null when not blocked.</summary>
    public string? Implementation { get; }

    /// <summary>oneDNN's descriptor; lives as long as the process. 0 when not blocked.</summary>
    public nint Desc { get; }

    /// <summary>Bytes with padding: blocks are 64 columns wide, so few columns cost more than they hold.</summary>
    public long Bytes { get; }

    public static WeightLayout Choose(OneDnnRuntime runtime, long k, long n, DataType type)
    {
        if (k == 0 || n == 0) return new WeightLayout(desc: 0);
        _ = OneDnnThread.Of(Cpu.Worker.Current, runtime); // the thread limit comes before any primitive
        OneDnnApi api = runtime.Api;
        string subject = $"weights [{k}x{n}] {OneDnnDescriptors.Text(type)}";
        nint source = 0, weights = 0, target = 0, attr = 0;
        try
        {
            source = api.Describe(type, [ReferenceRows, k], [k, 1], subject);
            weights = api.DescribeAny(type, k, n, subject);
            target = api.Describe(type, [ReferenceRows, n], [n, 1], subject);
            attr = api.CreateAttributes(Epilogue.None, scale: 1, accumulate: false, subject);
            nint reference = api.CreateMatMul(source, weights, 0, target, attr, subject);
            string implementation = OneDnnApi.Implementation(reference);
            if (OneDnnApi.IsBlocked(implementation))
                // the reference keeps it alive
                return new WeightLayout(OneDnnApi.QueryDesc(reference, OneDnnApi.QueryWeights), implementation);

            _ = NativeMethods.dnnl_primitive_desc_destroy(reference);
            return new WeightLayout(desc: 0);
        }
        catch (OneDnnException error) when (error.IsRefusal)
        {
            return new WeightLayout(desc: 0);
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
