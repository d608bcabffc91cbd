namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>Column means and biased variances of x [B, C].</summary>
    public virtual void ColumnMoments(Tensor x, Tensor mean, Tensor variance)
    {
        float share = 1f / x.Shape[0];
        using Tensor negative = Temporary(mean.Shape), centred = Temporary(x.Shape);
        Fill(mean, 0);
        LinearBackwardBias(x, share, mean);
        Scale(mean, -1, negative);
        AddBroadcast(x, negative, centred);
        Fill(variance, 0);
        SumProducts(centred, centred, variance);
        Scale(variance, share, variance);
    }

    /// <summary>y = (x − mean)·rstd by column.</summary>
    public virtual void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y)
    {
        using Tensor negative = Temporary(mean.Shape), centred = Temporary(x.Shape);
        Scale(mean, -1, negative);
        AddBroadcast(x, negative, centred);
        ScaleFeatures(centred, rstd, null, y);
    }

    /// <summary>dx of batch normalisation with batch statistics, from its output y.</summary>
    public virtual void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx)
    {
        // dx = rstd·(dy − mean(dy) − y·mean(dy∘y)), means over the rows of each column.
        float share = -1f / y.Shape[0];
        using Tensor sums = Constant(rstd.Shape, 0), products = Constant(rstd.Shape, 0), gradient = Temporary(dx.Shape);
        LinearBackwardBias(dy, share, sums);
        SumProducts(dy, y, products);
        Scale(products, share, products);
        ScaleFeatures(y, products, sums, gradient);
        AddInto(gradient, dy, 1);
        ScaleFeatures(gradient, rstd, null, dx);
    }
}
