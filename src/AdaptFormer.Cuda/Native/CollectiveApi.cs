using System.Runtime.InteropServices;

namespace AdaptFormer.Cuda.Native;

/// <summary>The functions of NCCL that the backend calls. Each returns an ncclResult_t, 0 for success.</summary>
internal sealed unsafe class CollectiveApi(NativeFunctions library)
{
    /// <summary>ncclFloat32 of ncclDataType_t, and ncclSum of ncclRedOp_t.</summary>
    public const int Float32 = 7, Add = 0;

    private readonly delegate* unmanaged<int, byte*> _errorText = (delegate* unmanaged<int, byte*>)library["ncclGetErrorString"];
    private readonly delegate* unmanaged<int*, int> _version = (delegate* unmanaged<int*, int>)library["ncclGetVersion"];

    public readonly delegate* unmanaged<UniqueId*, int> NewId = (delegate* unmanaged<UniqueId*, int>)library["ncclGetUniqueId"];

    /// <summary>(communicator, ranks, id, rank); returns when all ranks have called it.</summary>
    public readonly delegate* unmanaged<nint*, int, UniqueId, int, int> Connect =
        (delegate* unmanaged<nint*, int, UniqueId, int, int>)library["ncclCommInitRank"];

    public readonly delegate* unmanaged<int> GroupStart = (delegate* unmanaged<int>)library["ncclGroupStart"];
    public readonly delegate* unmanaged<int> GroupEnd = (delegate* unmanaged<int>)library["ncclGroupEnd"];

    /// <summary>(from, count, type, peer, communicator, stream).</summary>
    public readonly delegate* unmanaged<nint, nuint, int, int, nint, nint, int> Send =
        (delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)library["ncclSend"];

    /// <summary>(to, count, type, peer, communicator, stream).</summary>
    public readonly delegate* unmanaged<nint, nuint, int, int, nint, nint, int> Receive =
        (delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)library["ncclRecv"];

    /// <summary>(from, to, count of a part, type, communicator, stream).</summary>
    public readonly delegate* unmanaged<nint, nint, nuint, int, nint, nint, int> Gather =
        (delegate* unmanaged<nint, nint, nuint, int, nint, nint, int>)library["ncclAllGather"];

    /// <summary>(from, to, count, type, operation, communicator, stream).</summary>
    public readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> Reduce =
        (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)library["ncclAllReduce"];

    public readonly delegate* unmanaged<nint, int*, int> AsyncError =
        (delegate* unmanaged<nint, int*, int>)library["ncclCommGetAsyncError"];
    public readonly delegate* unmanaged<nint, int> Abort = (delegate* unmanaged<nint, int>)library["ncclCommAbort"];
    public readonly delegate* unmanaged<nint, int> Destroy = (delegate* unmanaged<nint, int>)library["ncclCommDestroy"];

    /// <summary>For example <c>NCCL 2.21.5</c>.</summary>
    public string Version
    {
        get
        {
            int version;
            Check(_version(&version), "ncclGetVersion");
            return $"NCCL {version / 10000}.{version % 10000 / 100}.{version % 100}";
        }
    }

    /// <summary>Throws what a call's result says.</summary>
    /// <exception cref="CudaException">It was not 0.</exception>
    public void Check(int code, string call)
    {
        if (code != 0)
            throw new CudaException($"CUDA: {call} failed: {Marshal.PtrToStringUTF8((nint)_errorText(code)) ?? $"error {code}"}.");
    }

    /// <summary>ncclUniqueId: one process makes it and gives it to the others.</summary>
    public struct UniqueId
    {
        /// <summary>Its size.</summary>
        public const int Bytes = 128;

        public fixed byte Data[Bytes];

        /// <summary>From its bytes.</summary>
        public static UniqueId Of(ReadOnlySpan<byte> bytes)
        {
            UniqueId id = default;
            bytes.CopyTo(new Span<byte>(id.Data, Bytes));
            return id;
        }
    }
}
