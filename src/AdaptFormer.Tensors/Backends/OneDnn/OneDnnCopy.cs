using AdaptFormer.Tensors.Backends.Cpu;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>Copies a matrix into another layout or type, padding included, on the calling thread (oneDNN's reorder).</summary>
internal static unsafe class OneDnnCopy
{
    private const int ArgFrom = OneDnnApi.ArgSource, ArgTo = OneDnnApi.ArgTarget;

    /// <summary>Copies the matrix at <paramref name="from"/>, laid out as <paramref name="fromDesc"/>, to <paramref name="to"/>.</summary>
    public static void Run(OneDnnRuntime runtime, Worker worker, nint fromDesc, nint from, nint toDesc, nint to, string subject)
    {
        OneDnnThread thread = OneDnnThread.Of(worker, runtime);
        nint attr = 0, desc = 0, primitive = 0;
        try
        {
            attr = runtime.Api.CreateAttributes(Epilogue.None, scale: 1, accumulate: false, subject);
            desc = runtime.Api.CreateReorder(fromDesc, toDesc, attr, subject);
            primitive = OneDnnApi.CreatePrimitive(desc, subject);
            using OneDnnArguments args = new(runtime.Api.Engine, stackalloc ExecArg[OneDnnArguments.Most]);
            args.Add(ArgFrom, fromDesc, from, subject);
            args.Add(ArgTo, toDesc, to, subject);
            args.AddScratch(desc, worker, subject);
            args.Execute(primitive, thread.Stream, subject);
        }
        finally
        {
            if (primitive != 0) _ = dnnl_primitive_destroy(primitive);
            if (desc != 0) _ = dnnl_primitive_desc_destroy(desc);
            if (attr != 0) _ = dnnl_primitive_attr_destroy(attr);
        }
    }
}
