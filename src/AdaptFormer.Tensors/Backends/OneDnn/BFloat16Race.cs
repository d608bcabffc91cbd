using System.Diagnostics;
using System.Runtime.InteropServices;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// Whether bf16 products beat f32 ones on this CPU, found by timing one product of a ViT-B block in both. An instruction set does not tell:
/// with AMX bf16 is three times as fast, with AVX-512 BF16 alone it is twice as fast on some CPUs and slower than f32 on others.
/// </summary>
internal static unsafe class BFloat16Race
{
    // Rates differ by less than a tenth or by far more; below this bf16 would cost digits and win nothing.
    private const double WorthIt = 1.2;
    private const int Rows = 256, Columns = 768, Rounds = 5;

    /// <summary>The answer, in some 40 ms of one core.</summary>
    public static bool Run(OneDnnMatMul library)
    {
        using Product single = new(library, DataType.Float32), half = new(library, DataType.BFloat16);
        (long f32, long bf16) = (long.MaxValue, long.MaxValue);
        for (int round = 0; round <= Rounds; round++)
        {
            // In turns, and the best of each: another program's work slows both, or is over in the next round.
            (long a, long b) = (single.Ticks(), half.Ticks());
            if (round > 0) (f32, bf16) = (Math.Min(f32, a), Math.Min(bf16, b));
        }

        return f32 > WorthIt * bf16;
    }

    private sealed class Product : IDisposable
    {
        private readonly MatMulPlan _plan;
        private readonly PackedMatrix _weights;
        private readonly void* _input, _output;

        public Product(MatMulLibrary library, DataType type)
        {
            nuint bytes = Rows * Columns * sizeof(float), weightBytes = Columns * Columns * sizeof(float);
            _input = NativeMemory.AlignedAlloc(bytes, 64);
            _output = NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Clear(_input, bytes);

            void* zeros = NativeMemory.AllocZeroed(weightBytes);
            _weights = library.Pack(Columns, Columns, (nint)zeros, Operand.Dense(DataType.Float32, Columns), type);
            NativeMemory.Free(zeros);

            Operand rows = Operand.Dense(type, Columns);
            _plan = library.Plan(new MatMulKey(1, Rows, Columns, Columns, rows, rows, rows, PackedB: true));
        }

        public long Ticks()
        {
            long start = Stopwatch.GetTimestamp();
            _plan.Run(Worker.Current, (nint)_input, _weights.Pointer, 0, (nint)_output);
            return Stopwatch.GetTimestamp() - start;
        }

        public void Dispose()
        {
            _weights.Dispose();
            NativeMemory.AlignedFree(_input);
            NativeMemory.AlignedFree(_output);
        }
    }
}
