using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AdaptFormer.Tensors.Backends.Cpu.Simd;
using AdaptFormer.Tensors.Memory;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Products of bytes with the CPU's own instructions: four products and their sum in one (VNNI), or, without that, products of 16 bits
/// (AVX2), which nothing saturates either.
/// </summary>
internal sealed unsafe class ManagedByteMatrix : ByteMatrix
{
    // Panels of 16 columns, one after the other: [panel][K/4][16][4]; what is missing is zero.
    private const int Width = 16, Depth = 4, Step = Width * Depth;
    private readonly int _k, _n, _steps;
    private sbyte* _panels;

    /// <summary>Arranges codes [N, K].</summary>
    public ManagedByteMatrix(int k, int n, sbyte* codes)
    {
        (_k, _n, _steps) = (k, n, RowBytes(k) / Depth);
        Bytes = (long)((n + Width - 1) / Width) * _steps * Step;
        _panels = (sbyte*)SystemMemory.Allocate(Bytes);
        new Span<byte>(_panels, checked((int)Bytes)).Clear();
        for (int j = 0; j < n; j++)
        {
            sbyte* column = _panels + ((long)(j / Width) * _steps * Step) + (j % Width * Depth);
            for (int i = 0; i < k; i++) column[((long)(i / Depth) * Step) + (i % Depth)] = codes[((long)j * k) + i];
        }
    }

    ~ManagedByteMatrix() => Free();

    /// <inheritdoc/>
    public override long Bytes { get; }

    /// <inheritdoc/>
    public override string Implementation => AvxVnni.IsSupported ? "managed VNNI" : Avx2.IsSupported ? "managed AVX2" : "managed";

    /// <inheritdoc/>
    public override void Multiply(Worker worker, byte* a, int m, int* c)
    {
        int stride = RowBytes(_k);
        int* tail = stackalloc int[4 * Width];
        for (int j = 0; j < _n; j += Width)
        {
            sbyte* panel = _panels + ((long)(j / Width) * _steps * Step);
            int columns = Math.Min(Width, _n - j);
            for (int i = 0; i < m; i += 4)
            {
                int rows = Math.Min(4, m - i);
                bool inPlace = rows == 4 && columns == Width;
                Tile(a + ((long)i * stride), stride, rows, panel, inPlace ? c + ((long)i * _n) + j : tail, inPlace ? _n : Width);
                if (inPlace) continue;
                for (int r = 0; r < rows; r++)
                    new ReadOnlySpan<int>(tail + (r * Width), columns).CopyTo(new Span<int>(c + ((long)(i + r) * _n) + j, columns));
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Tile(byte* a, int stride, int rows, sbyte* panel, int* c, int cStride)
    {
        // Rows that are not there are read from the first one and thrown away.
        byte* a1 = rows > 1 ? a + stride : a, a2 = rows > 2 ? a + (2 * stride) : a, a3 = rows > 3 ? a + (3 * stride) : a;
        if (AvxVnni.IsSupported) Vnni(a, a1, a2, a3, panel, c, cStride);
        else if (Avx2.IsSupported) Wide(a, a1, a2, a3, panel, c, cStride);
        else Plain(a, a1, a2, a3, panel, c, cStride);
    }

    [MethodImpl(Hot.Loop)]
    private void Vnni(byte* a0, byte* a1, byte* a2, byte* a3, sbyte* panel, int* c, int cStride)
    {
        Vector256<int> s00 = default, s01 = default, s10 = default, s11 = default;
        Vector256<int> s20 = default, s21 = default, s30 = default, s31 = default;
        for (int k = 0; k < _steps; k++, panel += Step, a0 += Depth, a1 += Depth, a2 += Depth, a3 += Depth)
        {
            Vector256<sbyte> b0 = Vector256.Load(panel), b1 = Vector256.Load(panel + 32);
            Vector256<byte> row = Vector256.Create(*(int*)a0).AsByte();
            s00 = AvxVnni.MultiplyWideningAndAdd(s00, row, b0);
            s01 = AvxVnni.MultiplyWideningAndAdd(s01, row, b1);
            row = Vector256.Create(*(int*)a1).AsByte();
            s10 = AvxVnni.MultiplyWideningAndAdd(s10, row, b0);
            s11 = AvxVnni.MultiplyWideningAndAdd(s11, row, b1);
            row = Vector256.Create(*(int*)a2).AsByte();
            s20 = AvxVnni.MultiplyWideningAndAdd(s20, row, b0);
            s21 = AvxVnni.MultiplyWideningAndAdd(s21, row, b1);
            row = Vector256.Create(*(int*)a3).AsByte();
            s30 = AvxVnni.MultiplyWideningAndAdd(s30, row, b0);
            s31 = AvxVnni.MultiplyWideningAndAdd(s31, row, b1);
        }

        Store(s00, s01, c);
        Store(s10, s11, c + cStride);
        Store(s20, s21, c + (2 * cStride));
        Store(s30, s31, c + (3 * cStride));
    }

    private static void Store(Vector256<int> left, Vector256<int> right, int* c)
    {
        left.Store(c);
        right.Store(c + 8);
    }

    [MethodImpl(Hot.Loop)]
    private void Wide(byte* a0, byte* a1, byte* a2, byte* a3, sbyte* panel, int* c, int cStride)
    {
        // Four columns at a time: 16 codes become 16 shorts; a column's four products end in two neighbouring sums.
        for (int column = 0; column < Width; column += 4)
        {
            Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default;
            sbyte* b = panel + (column * Depth);
            for (int k = 0; k < _steps; k++, b += Step)
            {
                Vector256<short> weights = Avx2.ConvertToVector256Int16(b);
                s0 += Avx2.MultiplyAddAdjacent(Shorts(a0 + (k * Depth)), weights);
                s1 += Avx2.MultiplyAddAdjacent(Shorts(a1 + (k * Depth)), weights);
                s2 += Avx2.MultiplyAddAdjacent(Shorts(a2 + (k * Depth)), weights);
                s3 += Avx2.MultiplyAddAdjacent(Shorts(a3 + (k * Depth)), weights);
            }

            Pairs(s0).Store(c + column);
            Pairs(s1).Store(c + cStride + column);
            Pairs(s2).Store(c + (2 * cStride) + column);
            Pairs(s3).Store(c + (3 * cStride) + column);
        }
    }

    private static Vector256<short> Shorts(byte* four) =>
        Vector256.Create(Sse41.ConvertToVector128Int16(Vector128.CreateScalar(*(uint*)four).AsByte()).AsInt64().ToScalar()).AsInt16();

    private static Vector128<int> Pairs(Vector256<int> sums) => Ssse3.HorizontalAdd(sums.GetLower(), sums.GetUpper());

    private void Plain(byte* a0, byte* a1, byte* a2, byte* a3, sbyte* panel, int* c, int cStride)
    {
        for (int column = 0; column < Width; column++)
        {
            (int s0, int s1, int s2, int s3) = (0, 0, 0, 0);
            for (int k = 0; k < _steps * Depth; k++)
            {
                int weight = panel[(k / Depth * Step) + (column * Depth) + (k % Depth)];
                (s0, s1, s2, s3) = (s0 + (a0[k] * weight), s1 + (a1[k] * weight), s2 + (a2[k] * weight), s3 + (a3[k] * weight));
            }

            (c[column], c[cStride + column], c[(2 * cStride) + column], c[(3 * cStride) + column]) = (s0, s1, s2, s3);
        }
    }

    private void Free()
    {
        if (_panels == null) return;
        SystemMemory.Free((nint)_panels, Bytes);
        _panels = null;
    }
}
