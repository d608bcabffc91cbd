using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// The blocked product. A block of A's rows is packed, then for each panel of B's columns the kernel runs down the rows:
/// the panel stays in the first-level cache, the packed rows in the second. A long k is cut into blocks; the partial sums
/// wait in f32 until the last one, when bias, activation, scale and sum are applied on the way to C.
/// </summary>
internal sealed unsafe class GemmPlan<V> : MatMulPlan
    where V : struct, ISimd<V>
{
    private const int MaxRows = 240;
    private const int MaxK = 768;

    private readonly MatMulKey _key;
    private readonly int _rowBlock, _kBlock, _columnsPadded;
    private readonly nuint _packedA, _packedB, _tiles;

    public GemmPlan(MatMulKey key)
    {
        _key = key;
        _rowBlock = BlockOf(key.M, MaxRows, Gemm.TileRows<V>());
        _kBlock = BlockOf(key.K, MaxK, 1);
        _columnsPadded = RoundUp(key.N, Gemm.PanelWidth<V>());
        _packedA = Aligned((nuint)_rowBlock * (nuint)_kBlock);
        _packedB = Aligned((nuint)Gemm.PanelWidth<V>() * (nuint)_kBlock);
        bool partial = _kBlock < key.K;
        _tiles = Aligned((nuint)(partial ? _rowBlock : Gemm.TileRows<V>()) * (nuint)(partial ? _columnsPadded : Gemm.PanelWidth<V>()));
    }

    public override string Implementation => $"managed {Gemm.InstructionSet<V>()}";

    public override void Run(Worker worker, nint a, nint b, nint bias, nint c)
    {
        if (_key.M <= 0 || _key.N <= 0) return;
        float* scratch = (float*)worker.Scratch((_packedA + _packedB + _tiles) * sizeof(float));
        for (int batch = 0; batch < _key.Batch; batch++)
        {
            nint aBatch = a + (nint)(batch * _key.A.BatchStride * _key.A.Type.Size());
            nint bBatch = b + (nint)(batch * _key.B.BatchStride * _key.B.Type.Size());
            nint cBatch = c + (nint)(batch * _key.C.BatchStride * _key.C.Type.Size());
            for (int row = 0; row < _key.M; row += _rowBlock)
                RunRows(scratch, aBatch, bBatch, (float*)bias, cBatch, row, Math.Min(_rowBlock, _key.M - row));
        }
    }

    private void RunRows(float* scratch, nint a, nint b, float* bias, nint c, int row, int rows)
    {
        float* packedA = scratch, packedB = packedA + _packedA, tiles = packedB + _packedB;
        int width = Gemm.PanelWidth<V>();
        int k = 0;
        do
        {
            int kBlock = Math.Min(_kBlock, _key.K - k);
            bool first = k == 0, last = k + kBlock >= _key.K;
            PackRows(a, row, rows, k, kBlock, packedA);
            for (int column = 0; column < _key.N; column += width)
            {
                int columns = Math.Min(width, _key.N - column);
                float* panel = PanelOf(b, column, columns, k, kBlock, packedB);
                RunPanel(rows, columns, kBlock, packedA, panel, tiles, bias, c, row, column, first, last);
            }

            k += kBlock;
        }
        while (k < _key.K);
    }

    private void RunPanel(
        int rows, int columns, int k, float* packedA, float* panel, float* tiles, float* bias, nint c, int row, int column, bool first,
        bool last)
    {
        int tileRows = Gemm.TileRows<V>(), width = Gemm.PanelWidth<V>();
        for (int i = 0; i < rows; i += tileRows)
        {
            int count = Math.Min(tileRows, rows - i);
            float* tile = first && last ? tiles : tiles + ((long)i * _columnsPadded) + ((long)column * tileRows);
            if (last) GemmStore.Prefetch<V>(_key, count, columns, c, row + i, column);
            GemmKernel.Run<V>(
                count <= 6 ? 6 : 12, columns <= V.Count ? 1 : 2, k, packedA + ((long)i * k), tileRows, panel, width, tile, width, first);
            if (last) GemmStore.Tile<V>(_key, tile, width, count, columns, bias, c, row + i, column);
        }
    }

    private void PackRows(nint a, int row, int rows, int k, int kBlock, float* packedA)
    {
        int tileRows = Gemm.TileRows<V>();
        for (int i = 0; i < rows; i += tileRows)
        {
            long first = ((row + i) * _key.A.RowStride) + (k * _key.A.ColumnStride);
            GemmPacking.Panel(
                a + (nint)(first * _key.A.Type.Size()), _key.A.Type, _key.A.RowStride, _key.A.ColumnStride,
                Math.Min(tileRows, rows - i), tileRows, kBlock, packedA + ((long)i * kBlock));
        }
    }

    // Where the panel's numbers lie in f32: in the packed matrix itself, or in scratch.
    private float* PanelOf(nint b, int column, int columns, int k, int kBlock, float* packedB)
    {
        int width = Gemm.PanelWidth<V>();
        if (_key.PackedB)
        {
            long first = ((long)column * _key.K) + ((long)k * width);
            if (_key.B.Type == DataType.Float32) return (float*)b + first;
            Converter.Copy(b + (nint)(first * sizeof(ushort)), DataType.BFloat16, (nint)packedB, DataType.Float32, (long)kBlock * width);
            return packedB;
        }

        long start = (k * _key.B.RowStride) + (column * _key.B.ColumnStride);
        GemmPacking.Panel(
            b + (nint)(start * _key.B.Type.Size()), _key.B.Type, _key.B.ColumnStride, _key.B.RowStride, columns, width, kBlock, packedB);
        return packedB;
    }

    // Cuts a length into equal blocks of at most `max`, each a multiple of `step`.
    private static int BlockOf(int length, int max, int step)
    {
        int blocks = Math.Max(1, (length + max - 1) / max);
        return Math.Max(step, RoundUp((length + blocks - 1) / blocks, step));
    }

    private static int RoundUp(int x, int step) => (x + step - 1) / step * step;

    private static nuint Aligned(nuint floats) => (floats + 15) / 16 * 16;
}
