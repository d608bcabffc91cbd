using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// A second device, to prove that the engine needs no host memory: no address of its blocks can be had, a new block is NaN from end to end, and it knows how many are
/// alive. It computes the primitives alone, with plain loops on copies, so everything else runs through the composed defaults.
/// </summary>
internal sealed partial class CheckingDevice : Kernels
{
    private static int _made;
    private int _live;

    public CheckingDevice() => Device = Device.Register($"checking {Interlocked.Increment(ref _made)}", () => this);

    public override Device Device { get; }

    public override string Name => "checking";

    public override bool FastBFloat16 => false;

    /// <summary>Blocks that are held now, after those that nobody reaches any more have been collected.</summary>
    public int LiveBlocks
    {
        get
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Volatile.Read(ref _live);
        }
    }

    public override Storage Allocate(long bytes) => new Block(this, bytes);

    public override void CopyFromHost(nint source, Tensor destination) =>
        Marshal.Copy(source, Memory(destination).Array!, (int)destination.OffsetBytes, (int)destination.Bytes);

    public override void CopyToHost(Tensor source, nint destination) =>
        Marshal.Copy(Memory(source).Array!, (int)source.OffsetBytes, destination, (int)source.Bytes);

    private static ArraySegment<byte> Memory(Tensor tensor) => new(((Block)tensor.Storage).Contents, (int)tensor.OffsetBytes, (int)tensor.Bytes);

    private static float[] Read(Tensor tensor)
    {
        ReadOnlySpan<byte> bytes = Memory(tensor);
        if (tensor.Type == DataType.Float32) return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        return [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16))];
    }

    private static float[] ReadOrEmpty(Tensor? tensor) => tensor is null ? [] : Read(tensor);

    private static void Write(Tensor tensor, float[] values)
    {
        Span<byte> bytes = Memory(tensor);
        if (tensor.Type == DataType.Float32) MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(bytes);
        else MemoryMarshal.AsBytes(values.Select(Rounded).ToArray().AsSpan()).CopyTo(bytes);
    }

    /// <summary>To the nearest bf16, of two the even one.</summary>
    private static ushort Rounded(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private sealed class Block : Storage
    {
        private readonly CheckingDevice _owner;

        public Block(CheckingDevice owner, long bytes)
            : base(owner.Device, bytes)
        {
            (_owner, Contents) = (owner, new byte[bytes]);
            Array.Fill(Contents, (byte)0xFF);      // NaN in f32 and bf16
            Interlocked.Increment(ref owner._live);
        }

        public byte[] Contents { get; private set; }

        protected override void Free()
        {
            Contents = [];
            Interlocked.Decrement(ref _owner._live);
        }
    }
}
