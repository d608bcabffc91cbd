using System.Runtime.InteropServices;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// The part of oneDNN that the engine uses, the same for 2.x and 3.x. Only the methods under "differs by version" know which
/// one is loaded. Descriptors are plain handles: whoever asks for one releases it.
/// </summary>
internal sealed unsafe class OneDnnApi
{
    /// <summary>Numbers of execution arguments (DNNL_ARG_*).</summary>
    public const int ArgSource = 1, ArgTarget = 17, ArgWeights = 33, ArgBias = 41, ArgScratchpad = 80;

    /// <summary>What to ask of a primitive descriptor (dnnl_query_*_md).</summary>
    public const int QuerySource = 129, QueryWeights = 131, QueryTarget = 133, QueryScratchpad = 136;

    /// <summary>Types of elements.</summary>
    public const int Int32 = 4, SignedByte = 5, UnsignedByte = 6;

    private const int QueryImplementation = 8, ScratchpadUser = 1, AnyTag = 1, CpuEngine = 1;

    // sizeof(dnnl_memory_desc_t) is 696 and sizeof(dnnl_matmul_desc_t) 2800 in every 2.x; the rest is slack.
    private const int Desc2Bytes = 1024, MatMul2Bytes = 4096;

    private readonly bool _is2;

    public OneDnnApi(int major)
    {
        _is2 = major == 2;
        nint engine;
        Check(dnnl_engine_create(&engine, CpuEngine, 0), nameof(dnnl_engine_create), "the CPU");
        Engine = engine;
    }

    /// <summary>The CPU engine; lives as long as the process.</summary>
    public nint Engine { get; }

    public static void Check(int status, string call, string subject)
    {
        if (status != 0) throw new OneDnnException(call, status, subject);
    }

    /// <summary>A borrowed descriptor, alive as long as <paramref name="primitiveDesc"/>.</summary>
    public static nint QueryDesc(nint primitiveDesc, int what, int index = 0) => dnnl_primitive_desc_query_md(primitiveDesc, what, index);

    public static string Implementation(nint primitiveDesc)
    {
        byte* text;
        int status = dnnl_primitive_desc_query(primitiveDesc, QueryImplementation, 0, &text);
        return status == 0 ? Marshal.PtrToStringUTF8((nint)text) ?? "" : "";
    }

    /// <summary>Whether an implementation is of the blocked kind: brg in 2.x, brg_matmul in 3.x, followed by the instruction set.</summary>
    public static bool IsBlocked(string implementation) => implementation.StartsWith("brg", StringComparison.Ordinal);

    public static nint CreatePrimitive(nint primitiveDesc, string subject)
    {
        nint primitive;
        Check(dnnl_primitive_create(&primitive, primitiveDesc), nameof(dnnl_primitive_create), subject);
        return primitive;
    }

    /// <summary>
    /// Attributes with our own scratch memory, always: in the library's mode one primitive run by two threads gives wrong
    /// results without a word. The post-ops follow the order of <see cref="Cpu.MatMulKey"/>: activation, scale, sum.
    /// </summary>
    public nint CreateAttributes(Epilogue epilogue, float scale, bool accumulate, string subject)
    {
        nint attr, postOps;
        Check(dnnl_primitive_attr_create(&attr), nameof(dnnl_primitive_attr_create), subject);
        Check(dnnl_primitive_attr_set_scratchpad_mode(attr, ScratchpadUser), nameof(dnnl_primitive_attr_set_scratchpad_mode), subject);
        if (_is2 && epilogue == Epilogue.None && scale != 1)
        {
            // 2.x means scale·(product + bias) by it, and its kernels for strided operands do it within the product, at no cost.
            Check(dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale), nameof(dnnl_primitive_attr_set_output_scales), subject);
            scale = 1;
        }

        Check(dnnl_post_ops_create(&postOps), nameof(dnnl_post_ops_create), subject);
        if (epilogue == Epilogue.Relu) AppendEltwise(postOps, _is2 ? 31 : 32, alpha: 0, subject);
        if (epilogue == Epilogue.Gelu) AppendEltwise(postOps, _is2 ? 48 : 49, alpha: 0, subject);
        if (scale != 1) AppendEltwise(postOps, _is2 ? 127 : 38, alpha: scale, subject); // linear: alpha·t + 0
        if (accumulate) AppendSum(postOps, subject);
        Check(dnnl_primitive_attr_set_post_ops(attr, postOps), nameof(dnnl_primitive_attr_set_post_ops), subject); // copies
        _ = dnnl_post_ops_destroy(postOps);
        return attr;
    }

    /// <summary>Descriptor of a reorder (copy with another layout or type).</summary>
    public nint CreateReorder(nint source, nint target, nint attr, string subject)
    {
        nint desc;
        Check(dnnl_reorder_primitive_desc_create(&desc, source, Engine, target, Engine, attr), nameof(dnnl_reorder_primitive_desc_create),
            subject);
        return desc;
    }

    // ---- differs by version ----

    /// <summary>A layout by strides, in elements. At most 3 axes here; 0 strides are not used.</summary>
    public nint Describe(DataType type, ReadOnlySpan<long> dims, ReadOnlySpan<long> strides, string subject) =>
        Describe(Code(type), dims, strides, subject);

    /// <summary>As for the engine's own types.</summary>
    public nint Describe(int code, ReadOnlySpan<long> dims, ReadOnlySpan<long> strides, string subject)
    {
        fixed (long* d = dims, s = strides)
        {
            if (!_is2)
            {
                nint made;
                Check(dnnl_memory_desc_create_with_strides(&made, dims.Length, d, code, s), nameof(dnnl_memory_desc_create_with_strides),
                    subject);
                return made;
            }

            nint desc = (nint)NativeMemory.AllocZeroed(Desc2Bytes);
            int status = dnnl_memory_desc_init_by_strides(desc, dims.Length, d, code, s);
            return CheckDesc2(desc, status, nameof(dnnl_memory_desc_init_by_strides), subject);
        }
    }

    /// <summary>A K×N matrix in whatever layout the library prefers.</summary>
    public nint DescribeAny(DataType type, long k, long n, string subject) => DescribeAny(Code(type), k, n, subject);

    /// <summary>As for the engine's own types.</summary>
    public nint DescribeAny(int code, long k, long n, string subject)
    {
        long* dims = stackalloc long[] { k, n };
        if (!_is2)
        {
            nint made;
            Check(dnnl_memory_desc_create_with_tag(&made, 2, dims, code, AnyTag), nameof(dnnl_memory_desc_create_with_tag), subject);
            return made;
        }

        nint desc = (nint)NativeMemory.AllocZeroed(Desc2Bytes);
        int status = dnnl_memory_desc_init_by_tag(desc, 2, dims, code, AnyTag);
        return CheckDesc2(desc, status, nameof(dnnl_memory_desc_init_by_tag), subject);
    }

    /// <summary>Releases what <see cref="Describe(int, ReadOnlySpan{long}, ReadOnlySpan{long}, string)"/> or
    /// <see cref="DescribeAny(int, long, long, string)"/> made; never a queried descriptor. 0 is ignored.</summary>
    public void Release(nint desc)
    {
        if (desc == 0) return;
        if (_is2) NativeMemory.Free((void*)desc);
        else _ = dnnl_memory_desc_destroy(desc);
    }

    /// <summary>Primitive descriptor of a product; <paramref name="bias"/> is 0 for none.</summary>
    public nint CreateMatMul(nint source, nint weights, nint bias, nint target, nint attr, string subject)
    {
        nint desc;
        if (_is2)
        {
            byte* op = stackalloc byte[MatMul2Bytes];
            new Span<byte>(op, MatMul2Bytes).Clear();
            Check(dnnl_matmul_desc_init(op, source, weights, bias, target), nameof(dnnl_matmul_desc_init), subject);
            Check(dnnl_primitive_desc_create(&desc, op, attr, Engine, 0), nameof(dnnl_primitive_desc_create), subject);
        }
        else
        {
            Check(dnnl_matmul_primitive_desc_create(&desc, Engine, source, weights, bias, target, attr),
                nameof(dnnl_matmul_primitive_desc_create), subject);
        }

        return desc;
    }

    private void AppendEltwise(nint postOps, int algorithm, float alpha, string subject)
    {
        int status = _is2 ? AppendEltwise2(postOps, 1, algorithm, alpha, 0) : AppendEltwise3(postOps, algorithm, alpha, 0);
        Check(status, "dnnl_post_ops_append_eltwise", subject);
    }

    private void AppendSum(nint postOps, string subject) =>
        Check(_is2 ? AppendSum2(postOps, 1) : AppendSum3(postOps, 1, 0, 0), "dnnl_post_ops_append_sum", subject);

    private static nint CheckDesc2(nint desc, int status, string call, string subject)
    {
        if (status != 0) NativeMemory.Free((void*)desc);
        Check(status, call, subject);
        return desc;
    }

    private static int Code(DataType type) => type == DataType.BFloat16 ? 2 : 3;
}
