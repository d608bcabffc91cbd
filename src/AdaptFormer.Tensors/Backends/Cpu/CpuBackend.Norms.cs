namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y)
    {
        int c = x.Shape[^1];
        RowBlocks blocks = new(x.Shape.Rows);
        CpuParallel.For(blocks.Count, (i, _) =>
        {
            (long row, int rows) = blocks[i];
            LayerNormKernel.Forward(At(x, row * c), x.Type, Data(gamma), Data(beta), eps, At(y, row * c), y.Type,
                mean is null ? null : mean.Floats + row, rstd is null ? null : rstd.Floats + row, rows, c);
        });
    }

    public override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate)
    {
        int c = x.Shape[^1];
        if (dx.Type != DataType.Float32)
        {
            using Tensor exact = new(dx.Shape, DataType.Float32, Allocate(dx.Length * 4), scoped: false);
            LayerNormBackward(x, mean, rstd, gamma, dy, exact, accumulate: false);
            if (accumulate) AddInto(dx, exact, 1);
            else Copy(exact, dx);
            return;
        }

        RowBlocks blocks = new(x.Shape.Rows);
        CpuParallel.For(blocks.Count, (i, _) =>
        {
            (long row, int rows) = blocks[i];
            LayerNormKernel.Backward(At(x, row * c), x.Type, mean.Floats + row, rstd.Floats + row, Data(gamma),
                At(dy, row * c), dy.Type, dx.Floats + (row * c), accumulate, rows, c);
        });
    }

    public override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
        int c = x.Shape[^1];
        using Tensor both = new(new Shape(2 * c), DataType.Float32, Allocate(2L * c * 4), scoped: false);
        both.Span.Clear();
        SumBlocks(x.Shape.Rows, 2 * c, (start, rows, sum) => LayerNormKernel.BackwardParams(
            At(x, start * c), x.Type, mean.Floats + start, rstd.Floats + start, At(dy, start * c), dy.Type, sum, sum + c, rows, c), 1,
            both);
        Elementwise.AddInto(dGamma.Floats, (nint)both.Floats, DataType.Float32, 1, c);
        Elementwise.AddInto(dBeta.Floats, (nint)(both.Floats + c), DataType.Float32, 1, c);
    }

    public override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y)
    {
        int c = x.Shape[^1];
        RowBlocks blocks = new(x.Shape.Rows);
        CpuParallel.For(blocks.Count, (i, _) =>
        {
            (long row, int rows) = blocks[i];
            FeatureScaleKernel.Forward(At(x, row * c), x.Type, gamma.Floats, Data(beta), At(y, row * c), y.Type, rows, c);
        });
    }

    public override void SumProducts(Tensor a, Tensor b, Tensor sum)
    {
        int c = a.Shape[^1];
        SumBlocks(a.Shape.Rows, c, (start, rows,
            part) => FeatureScaleKernel.SumProducts(At(a, start * c), a.Type, At(b, start * c), b.Type, part, rows, c), 1, sum);
    }

    public override void ColumnMoments(Tensor x, Tensor mean, Tensor variance)
    {
        (int rows, int c) = (x.Shape[0], x.Shape[1]);
        for (int j = 0; j < c; j++)
        {
            double sum = 0, squares = 0;
            for (int i = 0; i < rows; i++) sum += x.Floats[((long)i * c) + j];
            double center = sum / rows;
            for (int i = 0; i < rows; i++)
            {
                double d = x.Floats[((long)i * c) + j] - center;
                squares += d * d;
            }

            mean.Floats[j] = (float)center;
            variance.Floats[j] = (float)(squares / rows);
        }
    }

    public override void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y)
    {
        (int rows, int c) = (x.Shape[0], x.Shape[1]);
        for (int i = 0; i < rows; i++)
        {
            float* from = x.Floats + ((long)i * c);
            float* to = y.Floats + ((long)i * c);
            for (int j = 0; j < c; j++) to[j] = (from[j] - mean.Floats[j]) * rstd.Floats[j];
        }
    }

    public override void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx)
    {
        // dx = rstd·(dy − mean(dy) − y·mean(dy∘y)), means over the rows of each column.
        (int rows, int c) = (y.Shape[0], y.Shape[1]);
        for (int j = 0; j < c; j++)
        {
            double sum = 0, dot = 0;
            for (int i = 0; i < rows; i++)
            {
                long at = ((long)i * c) + j;
                sum += dy.Floats[at];
                dot += (double)dy.Floats[at] * y.Floats[at];
            }

            (sum, dot) = (sum / rows, dot / rows);
            for (int i = 0; i < rows; i++)
            {
                long at = ((long)i * c) + j;
                dx.Floats[at] = (float)(rstd.Floats[j] * (dy.Floats[at] - sum - (y.Floats[at] * dot)));
            }
        }
    }

    private static float* Data(Tensor? tensor) => tensor is null ? null : tensor.Floats;
}
