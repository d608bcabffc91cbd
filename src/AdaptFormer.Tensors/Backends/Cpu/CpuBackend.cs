using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>The CPU: managed SIMD kernels on all cores, with the matrix products of the given library (oneDNN, or managed too).</summary>
public sealed unsafe partial class CpuBackend : Backend
{
    private const long ElementsPerItem = 1 << 15;
    private readonly MatMulLibrary _matmul;

    /// <summary>A CPU backend whose matrix products come from <paramref name="matmul"/>.</summary>
    public CpuBackend(MatMulLibrary matmul) => _matmul = matmul;

    /// <summary>The managed kernels alone: runs everywhere.</summary>
    public static CpuBackend Managed { get; } = new(ManagedMatMul.Instance);

    /// <summary>With oneDNN's matrix products; null when the library is not on this machine.</summary>
    public static CpuBackend? Native { get; } = OneDnn.OneDnn.Create(ManagedMatMul.Instance) is { } library ? new CpuBackend(library) : null;

    /// <inheritdoc/>
    public override string Name => $"CPU, {_matmul.Name}";

    /// <inheritdoc/>
    public override bool FastBFloat16 => _matmul.FastBFloat16;

    /// <summary>The provider of matrix products.</summary>
    public MatMulLibrary MatMul => _matmul;

    internal override Storage Allocate(long bytes) => Storage.Rent(bytes);

    internal override Storage AllocateZeros(long bytes) => Storage.RentZeros(bytes);

    internal override void CopyToHost(Tensor source, nint destination)
    {
        Converter.Copy(source.Pointer, source.Type, destination, DataType.Float32, source.Length);
        GC.KeepAlive(source);       // a tensor outside of scopes may have no other use, and its memory would go while it is read
    }

    internal override void Clear(Tensor y)
    {
        System.Runtime.InteropServices.NativeMemory.Clear((void*)y.Pointer, (nuint)y.Bytes);
        GC.KeepAlive(y);
    }

    internal override void Copy(Tensor x, Tensor y) => Sweep(x.Length, (start, n) =>
        Converter.Copy(At(x, start), x.Type, At(y, start), y.Type, n));

    internal override void Add(Tensor a, Tensor b, Tensor y)
    {
        if (a.Type == DataType.Float32 && b.Type == DataType.Float32 && y.Type == DataType.Float32)
        {
            Sweep(y.Length, (start, n) => Elementwise.Add(a.Floats + start, b.Floats + start, y.Floats + start, n));
            return;
        }

        using Tensor sum = new(y.Shape, DataType.Float32, Allocate(y.Length * 4), scoped: false);
        Copy(a, sum);
        AddInto(sum, b);
        Copy(sum, y);
    }

    internal override void AddInto(Tensor y, Tensor x, float scale = 1)
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

    internal override void Scale(Tensor x, float factor, Tensor y) => Sweep(x.Length, (start, n) =>
        Elementwise.Scale(At(x, start), x.Type, factor, At(y, start), y.Type, n));

    internal override void ScaleSlices(Tensor x, ReadOnlySpan<float> factors, Tensor y)
    {
        float[] byItem = factors.ToArray();
        long slice = x.Length / byItem.Length;
        CpuParallel.For(byItem.Length, (i, _) =>
            Elementwise.Scale(At(x, i * slice), x.Type, byItem[i], At(y, i * slice), y.Type, slice));
    }

    internal override void Multiply(Tensor a, Tensor b, Tensor y) => Sweep(y.Length, (start, n) =>
        Elementwise.Multiply(a.Floats + start, b.Floats + start, y.Floats + start, n));

    internal override double Dot(Tensor a, Tensor b)
    {
        double sum = Elementwise.Dot(a.Floats, b.Floats, a.Length);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        return sum;
    }

    internal override bool AllFinite(Tensor x)
    {
        bool finite = Elementwise.AllFinite(x.Pointer, x.Type, x.Length);
        GC.KeepAlive(x);
        return finite;
    }

    internal override void Activate(ActivationKind kind, Tensor x, Tensor y) => Sweep(x.Length, (start, n) =>
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

    internal override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx) => Sweep(dx.Length, (start, n) =>
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

    internal override void Dropout(Tensor x, ulong key, float rate, Tensor y) => Sweep(x.Length, (start, n) =>
        DropoutKernel.Run(At(x, start), x.Type, key, start, rate, At(y, start), y.Type, n));

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
