using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// oneDNN's C API. Entry points of 2.x and 3.x stand side by side: each is bound at its first call, so the absent ones cost
/// nothing. A memory descriptor is a pointer in both (to a struct that we own in 2.x, to an opaque object in 3.x). Every
/// <c>int</c> result is a <c>dnnl_status_t</c>, 0 for success, unless a comment says otherwise.
/// </summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>The name that <see cref="NativeLibraries"/> binds to the file found.</summary>
    public const string Library = "dnnl";

    // The same in 2.x and 3.x.
    [LibraryImport(Library)] public static partial VersionInfo* dnnl_version();
    [LibraryImport(Library)] public static partial int dnnl_engine_create(nint* engine, int kind, nuint index);
    [LibraryImport(Library)] public static partial int dnnl_stream_create(nint* stream, nint engine, uint flags);
    [LibraryImport(Library)] public static partial int dnnl_stream_wait(nint stream);
    [LibraryImport(Library)] public static partial int dnnl_stream_destroy(nint stream);
    [LibraryImport(Library)] public static partial int dnnl_memory_create(nint* memory, nint desc, nint engine, void* handle);
    [LibraryImport(Library)] public static partial int dnnl_memory_destroy(nint memory);
    [LibraryImport(Library)] public static partial nuint dnnl_memory_desc_get_size(nint desc); // bytes, not a status
    [LibraryImport(Library)] public static partial nint dnnl_primitive_desc_query_md(nint primitiveDesc, int what, int index); // borrowed
    [LibraryImport(Library)] public static partial int dnnl_primitive_desc_query(nint primitiveDesc, int what, int index, void* result);
    [LibraryImport(Library)] public static partial int dnnl_primitive_desc_destroy(nint primitiveDesc);
    [LibraryImport(Library)] public static partial int dnnl_primitive_create(nint* primitive, nint primitiveDesc);
    [LibraryImport(Library)] public static partial int dnnl_primitive_destroy(nint primitive);
    [LibraryImport(Library)] public static partial int dnnl_primitive_execute(nint primitive, nint stream, int count, ExecArg* args);
    [LibraryImport(Library)] public static partial int dnnl_primitive_attr_create(nint* attr);
    [LibraryImport(Library)] public static partial int dnnl_primitive_attr_destroy(nint attr);
    [LibraryImport(Library)] public static partial int dnnl_primitive_attr_set_scratchpad_mode(nint attr, int mode);
    [LibraryImport(Library)] public static partial int dnnl_primitive_attr_set_post_ops(nint attr, nint postOps);
    [LibraryImport(Library)] public static partial int dnnl_post_ops_create(nint* postOps);
    [LibraryImport(Library)] public static partial int dnnl_post_ops_destroy(nint postOps);
    [LibraryImport(Library)]
    public static partial int dnnl_reorder_primitive_desc_create(
        nint* primitiveDesc, nint source, nint sourceEngine, nint target, nint targetEngine, nint attr);

    // 2.x only, or with its own signature: calling the other version's form does not fail, it computes nonsense.
    [LibraryImport(Library)]
    public static partial int dnnl_memory_desc_init_by_strides(
        nint desc, int rank, long* dims, int type, long* strides);
    [LibraryImport(Library)] public static partial int dnnl_memory_desc_init_by_tag(nint desc, int rank, long* dims, int type, int tag);
    [LibraryImport(Library)] public static partial int dnnl_matmul_desc_init(void* op, nint source, nint weights, nint bias, nint target);
    [LibraryImport(Library)]
    public static partial int dnnl_primitive_desc_create(
        nint* primitiveDesc, void* op, nint attr, nint engine, nint hint);
    [LibraryImport(Library)]
    public static partial int dnnl_primitive_attr_set_output_scales(
        nint attr, long count, int mask, float* scales);
    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_append_eltwise")]
    public static partial int AppendEltwise2(nint postOps, float scale, int algorithm, float alpha, float beta);
    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_append_sum")]
    public static partial int AppendSum2(nint postOps, float scale);

    // 3.x.
    [LibraryImport(Library)]
    public static partial int dnnl_memory_desc_create_with_strides(
        nint* desc, int rank, long* dims, int type, long* strides);
    [LibraryImport(Library)]
    public static partial int dnnl_memory_desc_create_with_tag(
        nint* desc, int rank, long* dims, int type, int tag);
    [LibraryImport(Library)] public static partial int dnnl_memory_desc_destroy(nint desc);
    [LibraryImport(Library)]
    public static partial int dnnl_matmul_primitive_desc_create(
        nint* primitiveDesc, nint engine, nint source, nint weights, nint bias, nint target, nint attr);
    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_append_eltwise")]
    public static partial int AppendEltwise3(nint postOps, int algorithm, float alpha, float beta);
    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_append_sum")]
    public static partial int AppendSum3(nint postOps, float scale, int zeroPoint, int type);

    /// <summary>dnnl_version_t. <see cref="CpuRuntime"/>: 1 sequential, 2 OpenMP, 4 TBB, 8 thread pool.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct VersionInfo
    {
        public int Major, Minor, Patch;
        public byte* Hash;
        public uint CpuRuntime, GpuRuntime;
    }

    /// <summary>dnnl_exec_arg_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ExecArg(int arg, nint memory)
    {
        public int Arg = arg;
        public nint Memory = memory;
    }
}
