using System.Runtime.InteropServices;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tests.Backends.OneDnn;

/// <summary>The seam's equation as plain loops in double: what every provider must compute, and a fallback that shows when it was asked.</summary>
internal sealed class ScalarMatMul : MatMulLibrary
{
    public override string Name => "scalar";

    public override bool FastBFloat16 => false;

    public override MatMulPlan Plan(in MatMulKey key) => new ScalarPlan(key);

    public override PackedMatrix Pack(int k, int n, nint source, Operand layout, DataType type) => new Packed(k, n, source, layout, type);

    private static double Phi(double x)
    {
        if (Math.Abs(x) > 8) return x > 0 ? 1 : 0;
        double term = x, sum = x;
        for (int i = 1; i < 300; i++) sum += term *= x * x / (2 * i + 1);
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }

    private sealed class ScalarPlan(MatMulKey key) : MatMulPlan
    {
        public override string Implementation => "scalar";

        public override void Run(Worker worker, nint a, nint b, nint bias, nint c)
        {
            Operand layoutB = key.PackedB ? Operand.Dense(key.B.Type, key.N) : key.B;
            for (int z = 0; z < key.Batch; z++)
                for (int m = 0; m < key.M; m++)
                    for (int n = 0; n < key.N; n++)
                    {
                        double t = key.Bias ? NativeMatrix.Read(bias, DataType.Float32, n) : 0;
                        for (int k = 0; k < key.K; k++) t += (double)Element(a, key.A, z, m, k) * Element(b, layoutB, z, k, n);
                        t = key.Epilogue switch { Epilogue.Relu => Math.Max(t, 0), Epilogue.Gelu => t * Phi(t), _ => t };
                        t *= key.Scale;
                        if (key.Accumulate) t += Element(c, key.C, z, m, n);
                        NativeMatrix.Write(c, key.C.Type, Index(key.C, z, m, n), (float)t);
                    }
        }

        private static float Element(nint p, Operand o, int z, int r, int c) => NativeMatrix.Read(p, o.Type, Index(o, z, r, c));

        private static long Index(Operand o, int z, int r, int c) => z * o.BatchStride + r * o.RowStride + c * o.ColumnStride;
    }

    private sealed unsafe class Packed : PackedMatrix
    {
        private void* _memory;

        public Packed(int k, int n, nint source, Operand layout, DataType type)
        {
            Bytes = (long)k * n * type.Size();
            _memory = NativeMemory.AlignedAlloc((nuint)Bytes + 64, 64);
            for (int i = 0; i < k * n; i++)
                NativeMatrix.Write(Pointer, type, i, NativeMatrix.Read(source, layout.Type, i / n * layout.RowStride + i % n * layout.ColumnStride));
        }

        public override nint Pointer => _memory != null ? (nint)_memory : throw new ObjectDisposedException(nameof(Packed));

        public override long Bytes { get; }

        public override void Dispose()
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
        }
    }
}
