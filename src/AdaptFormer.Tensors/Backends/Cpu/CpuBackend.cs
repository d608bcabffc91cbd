using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>The CPU: managed SIMD kernels on all cores, with the matrix products of the given library (oneDNN, or managed too).</summary>
internal sealed unsafe partial class CpuBackend : Kernels
{
    private const long ElementsPerItem = 1 << 15;
    private static readonly Lazy<CpuBackend?> WithNative = new(() => MatMulLibrary.Native?.Invoke() is { } library
        ? new CpuBackend(library) : null);

    private readonly MatMulLibrary _matmul;

    /// <summary>A CPU backend whose matrix products come from <paramref name="matmul"/>.</summary>
    public CpuBackend(MatMulLibrary matmul) => _matmul = matmul;

    /// <summary>The managed kernels alone: runs everywhere.</summary>
    public static CpuBackend Managed { get; } = new(ManagedMatMul.Instance);

    /// <summary>With oneDNN's matrix products; null when the library is not on this machine.</summary>
    public static CpuBackend? Native => WithNative.Value;

    /// <inheritdoc/>
    public override string Name => $"CPU, {_matmul.Name}";

    /// <inheritdoc/>
    public override bool FastBFloat16 => _matmul.FastBFloat16;

    /// <summary>The provider of matrix products.</summary>
    public MatMulLibrary Library => _matmul;

    /// <inheritdoc/>
    public override Device Device => Device.Host;

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => HostStorage.Rent(bytes);

    /// <inheritdoc/>
    public override Storage AllocateZeros(long bytes) => HostStorage.RentZeros(bytes);

    public override void CopyToHost(Tensor source, nint destination)
    {
        Buffer.MemoryCopy((void*)source.Pointer, (void*)destination, source.Bytes, source.Bytes);
        GC.KeepAlive(source);       // a tensor outside of scopes may have no other use, and its memory would go while it is read
    }

    public override void CopyFromHost(nint source, Tensor destination)
    {
        Buffer.MemoryCopy((void*)source, (void*)destination.Pointer, destination.Bytes, destination.Bytes);
        GC.KeepAlive(destination);
    }

    public override DataType InBytesResult => FastBFloat16 ? DataType.BFloat16 : DataType.Float32;

    public override DataType GeluKept(DataType result) => KeptOf(result);

    /// <summary>The kind of code that <see cref="GeluSlope"/> keeps.</summary>
    internal static DataType KeptOf(DataType result) => result == DataType.BFloat16 ? DataType.Code8 : DataType.Code16;

    public override void Fill(Tensor y, float value)
    {
        if (value == 0) NativeMemory.Clear((void*)y.Pointer, (nuint)y.Bytes);
        else if (y.Type == DataType.Float32) new Span<float>(y.Floats, checked((int)y.Length)).Fill(value);
        else new Span<ushort>((void*)y.Pointer, checked((int)y.Length)).Fill(Converter.ToBFloat16(value));
        GC.KeepAlive(y);
    }

    public override void Copy(Tensor x, Tensor y) => Convert(x, y);

    /// <summary>y = x, converted to y's type.</summary>
    internal static void Convert(Tensor x, Tensor y) => Sweep(x.Length, (start, n) =>
        Converter.Copy(At(x, start), x.Type, At(y, start), y.Type, n));

    public override void Add(Tensor a, Tensor b, Tensor y)
    {
        if (a.Type == DataType.Float32 && b.Type == DataType.Float32 && y.Type == DataType.Float32)
        {
            Sweep(y.Length, (start, n) => Elementwise.Add(a.Floats + start, b.Floats + start, y.Floats + start, n));
            return;
        }

        using Tensor sum = new(y.Shape, DataType.Float32, Allocate(y.Length * 4), scoped: false);
        Copy(a, sum);
        AddInto(sum, b, 1);
        Copy(sum, y);
    }

    public override void AddInto(Tensor y, Tensor x, float scale)
    {
        if (y.Type == DataType.Float32)
        {
            Sweep(y.Length, (start, n) => Elementwise.AddInto(y.Floats + start, At(x, start), x.Type, scale, n));
            return;
        }

        using Tensor sum = new(y.Shape, DataType.Float32, Allocate(y.Length * 4), scoped: false);
        Copy(y, sum);
        AddInto(sum, x, scale);
        Copy(sum, y);
    }

    public override void Scale(Tensor x, float factor, Tensor y) => Sweep(x.Length, (start, n) =>
        Elementwise.Scale(At(x, start), x.Type, factor, At(y, start), y.Type, n));

    public override void ScaleBy(Tensor x, Tensor s, float factor, Tensor y) => Scale(x, factor * s.Floats[0], y);

    public override void ScaleSlices(Tensor x, Tensor factors, Tensor y)
    {
        long slice = x.Length / factors.Length;
        CpuParallel.For((int)factors.Length, (i, _) =>
            Elementwise.Scale(At(x, i * slice), x.Type, factors.Floats[i], At(y, i * slice), y.Type, slice));
    }

    public override void Multiply(Tensor a, Tensor b, Tensor y) => Sweep(y.Length, (start, n) =>
        Elementwise.Multiply(a.Floats + start, b.Floats + start, y.Floats + start, n));

    public override void Dot(Tensor a, Tensor b, float factor, Tensor y)
    {
        y.Floats[0] = (float)(factor * Elementwise.Dot(a.Floats, b.Floats, a.Length));
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    public override void Sum(Tensor x, float factor, Tensor y)
    {
        double sum = 0;
        foreach (float value in new ReadOnlySpan<float>(x.Floats, checked((int)x.Length))) sum += value;
        y.Floats[0] = (float)(factor * sum);
        GC.KeepAlive(x);
    }

    public override void Norm(Tensor x, Tensor y)
    {
        y.Floats[0] = (float)OptimizerKernel.Norm(x.Floats, x.Length);
        GC.KeepAlive(x);
    }

    public override void Lerp(Tensor y, Tensor x, float share)
    {
        OptimizerKernel.Lerp(y.Floats, x.Floats, share, y.Length);
        GC.KeepAlive(x);
        GC.KeepAlive(y);
    }

    public override void AllFinite(Tensor x, Tensor y)
    {
        y.Floats[0] = Elementwise.AllFinite(x.Pointer, x.Type, x.Length) ? 1 : 0;
        GC.KeepAlive(x);
    }

    public override void InverseRoot(Tensor x, float eps, Tensor y)
    {
        for (long i = 0; i < x.Length; i++) y.Floats[i] = (float)(1 / Math.Sqrt((double)x.Floats[i] + eps));
        GC.KeepAlive(x);
    }

    public override void Activate(ActivationKind kind, Tensor x, Tensor y) => Sweep(x.Length, (start, n) =>
    {
        (nint from, nint to) = (At(x, start), At(y, start));
        switch (kind)
        {
            case ActivationKind.Relu: Activation.Relu(from, x.Type, to, y.Type, n); break;
            case ActivationKind.Gelu: Activation.Gelu(from, x.Type, to, y.Type, n); break;
            case ActivationKind.QuickGelu: Activation.QuickGelu(from, x.Type, to, y.Type, n); break;
            case ActivationKind.Tanh: Activation.Tanh(from, x.Type, to, y.Type, n); break;
            default: Activation.Sigmoid(from, x.Type, to, y.Type, n); break;
        }
    });

    public override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx) => Sweep(dx.Length, (start, n) =>
    {
        (nint known, nint dOut, nint dIn) = (At(kept, start), At(dy, start), At(dx, start));
        switch (kind)
        {
            case ActivationKind.Relu: Activation.ReluBackward(known, kept.Type, dOut, dy.Type, dIn, dx.Type, n); break;
            case ActivationKind.Gelu: Activation.GeluBackward(known, kept.Type, dOut, dy.Type, dIn, dx.Type, n); break;
            case ActivationKind.QuickGelu: Activation.QuickGeluBackward(known, kept.Type, dOut, dy.Type, dIn, dx.Type, n); break;
            case ActivationKind.Tanh: Activation.TanhBackward(known, kept.Type, dOut, dy.Type, dIn, dx.Type, n); break;
            default: Activation.SigmoidBackward(known, kept.Type, dOut, dy.Type, dIn, dx.Type, n); break;
        }
    });

    public override void Dropout(Tensor x, ulong key, float rate, Tensor y) => Sweep(x.Length, (start, n) =>
        DropoutKernel.Run(At(x, start), x.Type, key, start, rate, At(y, start), y.Type, n));

    public override void AdamStep(Tensor p, Tensor g, Tensor mean, Tensor square, AdamSettings settings)
    {
        OptimizerKernel.Adam(p.Floats, g.Floats, mean.Floats, square.Floats, settings, p.Length);
        GC.KeepAlive((p, g, mean, square));
    }

    public override void SgdStep(Tensor p, Tensor g, Tensor? buffer, SgdSettings settings)
    {
        OptimizerKernel.Sgd(p.Floats, g.Floats, Data(buffer), settings, p.Length);
        GC.KeepAlive((p, g, buffer));
    }

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255",
        Justification = "The engine knows no backend; each makes itself known.")]
    internal static void Register() => Device.HostBackend = static () => Native ?? Managed;

    private static nint At(Tensor tensor, long element) => tensor.Pointer + (nint)(element * tensor.Type.Size());

    /// <summary>Runs an elementwise kernel over pieces that are multiples of a cache line.</summary>
    private static void Sweep(long length, Action<long, long> body)
    {
        if (length == 0) return;
        int items = (int)((length + ElementsPerItem - 1) / ElementsPerItem);
        CpuParallel.For(items, (i, _) =>
        {
            long start = i * ElementsPerItem;
            body(start, Math.Min(ElementsPerItem, length - start));
        });
    }
}
