using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    // GELU's slope in one byte or two, as the CPU keeps it: 0 and 1 are exact.
    private const float ByteSteps = 202, ByteZero = 26, ShortSteps = 51200, ShortZero = 6656;

    /// <summary>
    /// One product of the library where its end is bias, ReLU or a residual; its GELU is the tanh form, so that one is a kernel of our own.
    /// </summary>
    public override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        (int n, int k) = (weight.Shape[0], (int)(weight.Length / weight.Shape[0]));
        int m = (int)(x.Length / k);
        Tensor w = weight.As(x.Type);
        bool endsInProduct = epilogue == Epilogue.None || (epilogue == Epilogue.Relu && residual is null && scale > 0);
        if (endsInProduct && IsMultiplied(x.Type, y.Type))
        {
            if (residual is not null && residual.Type != y.Type)
            {
                Copy(residual, y);
                residual = y;
            }

            using Tensor? added = bias is null ? null : BiasOf(bias, scale, y.Type);
            int end = (epilogue == Epilogue.Relu ? ProductApi.Relu : 0) | (bias is null ? 0 : ProductApi.Bias);
            ProductShape shape = new(m, n, k, 1, false, true, x.Type == DataType.BFloat16, y.Type == DataType.BFloat16, 0, 0, 0,
                end == 0 ? ProductApi.Plain : end);
            _context.Products.Multiply(shape, Argument.Address(x), Argument.Address(w), Argument.Address(residual ?? y),
                Argument.Address(y), scale,
                residual is null ? 0 : 1, added is null ? 0 : Argument.Address(added));
            return;
        }

        using Tensor product = Temporary(new Shape(m, n));
        Multiply(new Shape(m, n), k, 1, x, false, w, true, 1, product, false);
        int kind = epilogue switch { Epilogue.Relu => (int)ActivationKind.Relu, Epilogue.Gelu => (int)ActivationKind.Gelu, _ => -1 };
        Each(FinishLinear, y.Length, product, bias, n, kind, residual, scale, y, y.Length);
    }

    public override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y)
    {
        Linear(x, weight, bias, null, 1, Epilogue.None, y);
        bool wide = kept.Type == DataType.Code16;
        Each(GeluCode, y.Length, y, y, Argument.Pointer(kept), wide, wide ? ShortSteps : ByteSteps, wide ? ShortZero : ByteZero, y.Length);
    }

    public override void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre)
    {
        bool wide = kept.Type == DataType.Code16;
        Each(GeluCodeBackward, dPre.Length,
            Argument.Pointer(kept), wide, wide ? ShortSteps : ByteSteps, wide ? ShortZero : ByteZero, dy, dPre, dPre.Length);
    }

    public override void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate)
    {
        (int o, int i) = (weight.Shape[0], (int)(weight.Length / weight.Shape[0]));
        Multiply(new Shape((int)(dy.Length / o), i), o, 1, dy, false, weight.As(dy.Type), false, scale, dx, accumulate);
    }

    public override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias) => SumColumns(dy, null, scale, dBias);

    public override void SumProducts(Tensor a, Tensor b, Tensor sum) => SumColumns(a, b, 1, sum);

    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, float scale, Tensor c, bool accumulate)
    {
        (int m, int n, int k) = (c.Shape[^2], c.Shape[^1], a.Shape[transposeA ? ^2 : ^1]);
        Multiply(new Shape(m, n), k, c.Shape.Rank == 3 ? c.Shape[0] : 1, a, transposeA, b, transposeB, scale, c, accumulate);
    }

    /// <summary>C (+)= scale·A·B for matrices that lie one after another.</summary>
    private void Multiply(
        Shape result, int k, int batch, Tensor a, bool transposeA, Tensor b, bool transposeB, float scale, Tensor c, bool accumulate,
        long? strideA = null, long? strideB = null, long? strideC = null)
    {
        (int m, int n) = (result[0], result[1]);
        if (!IsMultiplied(a.Type, c.Type))
        {
            using Tensor exact = Temporary(c.Shape);
            if (accumulate) Copy(c, exact);
            Multiply(result, k, batch, a, transposeA, b, transposeB, scale, exact, accumulate, strideA, strideB, strideC);
            Copy(exact, c);
            return;
        }

        ProductShape shape = new(m, n, k, batch, transposeA, transposeB, a.Type == DataType.BFloat16, c.Type == DataType.BFloat16,
            strideA ?? (long)m * k, strideB ?? (long)k * n, strideC ?? (long)m * n, ProductApi.Plain);
        nint to = Argument.Address(c);
        _context.Products.Multiply(shape, Argument.Address(a), Argument.Address(b), to, to, scale, accumulate ? 1 : 0, 0);
    }

    /// <summary>Whether the library multiplies these types into that one.</summary>
    private static bool IsMultiplied(DataType operands, DataType result) => operands == DataType.BFloat16 || result == DataType.Float32;

    /// <summary>scale·b in the type of the result, which is the one that the library adds. The caller disposes it.</summary>
    private Tensor BiasOf(Tensor bias, float scale, DataType type)
    {
        Tensor exact = scale == 1 ? bias.As(type) : Temporary(bias.Shape, type);
        if (scale == 1) return exact.View(exact.Shape);
        Scale(bias, scale, exact);
        return exact;
    }

    /// <summary>y += scale·Σ over rows of a, or of a∘b.</summary>
    private void SumColumns(Tensor a, Tensor? b, float scale, Tensor y)
    {
        int c = (int)y.Length;
        (long rows, long strip, int strips) = Strips(a.Length / c);
        using Tensor partial = Temporary(new Shape(strips, c));
        _context.Launch(ColumnSums, (c + 31) / 32, strips,
            [b is null ? 0 : 1, a, b, default(Argument), default(Argument), rows, c, strip, partial, default(Argument)]);
        Each(ColumnEnd, c, partial, strips, c, scale, y);
    }

    /// <summary>How rows are cut so that there are blocks enough.</summary>
    private static (long Rows, long Strip, int Strips) Strips(long rows)
    {
        long strip = Math.Max(64, (rows + MostBlocks - 1) / MostBlocks);
        return (rows, strip, (int)((rows + strip - 1) / strip));
    }
}
