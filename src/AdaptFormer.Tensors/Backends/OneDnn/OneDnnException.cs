namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>A oneDNN call that failed. oneDNN gives no text of its own, so the message names the call, its status and the shapes.</summary>
/// <param name="call">Name of the C function.</param>
/// <param name="status">Its dnnl_status_t: 1 out of memory, 2 invalid arguments, 3 unimplemented, 5 runtime error.</param>
/// <param name="subject">The product or matrix it was called for.</param>
public sealed class OneDnnException(string call, int status, string subject)
    : Exception($"oneDNN: {call} failed with status {status} ({Describe(status)}) for {subject}.")
{
    /// <summary>Name of the C function.</summary>
    public string Call { get; } = call;

    /// <summary>Its dnnl_status_t.</summary>
    public int Status { get; } = status;

    /// <summary>oneDNN knows no way to do what was described, so the caller may take another road.</summary>
    internal bool IsRefusal => Status is 2 or 3;

    private static string Describe(int status) => status switch
    {
        1 => "out of memory",
        2 => "invalid arguments",
        3 => "unimplemented",
        5 => "runtime error",
        _ => "unknown",
    };
}
