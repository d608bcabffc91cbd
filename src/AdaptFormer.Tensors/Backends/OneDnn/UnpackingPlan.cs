using System.Runtime.InteropServices;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// A product with a packed B that oneDNN does not run (for example f32·f32→bf16): B is spread out as a plain [K, N] matrix in
/// memory of the call and the fallback library multiplies. Slow, so it is listed among what was declined.
/// </summary>
internal sealed unsafe class UnpackingPlan : MatMulPlan
{
    private readonly OneDnnRuntime _runtime;
    private readonly WeightLayout _packed;
    private readonly MatMulPlan _plain;
    private readonly nint _plainDesc;
    private readonly nuint _bytes;
    private readonly string _subject;

    public UnpackingPlan(OneDnnRuntime runtime, in MatMulKey key, WeightLayout packed, MatMulLibrary fallback)
    {
        (_runtime, _packed, _subject) = (runtime, packed, OneDnnDescriptors.Text(key));
        Operand dense = Operand.Dense(key.B.Type, key.N);
        _plain = fallback.Plan(key with { B = dense, PackedB = false });
        _plainDesc = OneDnnDescriptors.Describe(runtime.Api, batch: 1, key.K, key.N, dense, _subject);
        _bytes = (nuint)key.K * (nuint)key.N * (nuint)key.B.Type.Size();
    }

    /// <inheritdoc/>
    public override string Implementation => $"{_plain.Implementation}, after unpacking B";

    /// <inheritdoc/>
    public override void Run(Worker worker, nint a, nint b, nint bias, nint c)
    {
        void* plain = NativeMemory.AlignedAlloc(_bytes, 64); // the worker's scratch is for the plan that runs next
        try
        {
            OneDnnCopy.Run(_runtime, worker, _packed.Desc, b, _plainDesc, (nint)plain, _subject);
            _plain.Run(worker, a, (nint)plain, bias, c);
        }
        finally
        {
            NativeMemory.AlignedFree(plain);
        }
    }
}
