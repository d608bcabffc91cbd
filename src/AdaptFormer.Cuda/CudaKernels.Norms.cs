using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    public override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y) =>
        Rows(KernelNames.LayerNorm, x.Length / x.Shape[^1], x, gamma, beta, eps, mean, rstd, y, x.Length / x.Shape[^1], x.Shape[^1]);

    public override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate) =>
        Rows(KernelNames.LayerNormBackward, x.Length / x.Shape[^1], x, mean, rstd, gamma, dy, dx, accumulate, x.Length / x.Shape[^1],
            x.Shape[^1]);

    public override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
        int c = x.Shape[^1];
        (long rows, long strip, int strips) = Strips(x.Length / c);
        using Tensor gammas = Temporary(new Shape(strips, c)), betas = Temporary(new Shape(strips, c));
        _context.Launch(ColumnSums, (c + 31) / 32, strips, [2, dy, x, mean, rstd, rows, c, strip, gammas, betas]);
        Each(ColumnEnd, c, gammas, strips, c, 1f, dGamma);
        Each(ColumnEnd, c, betas, strips, c, 1f, dBeta);
    }

    public override void ColumnMoments(Tensor x, Tensor mean, Tensor variance) =>
        Each(KernelNames.ColumnMoments, x.Shape[1], x, x.Shape[0], x.Shape[1], mean, variance);

    public override void NormalizeColumns(Tensor x, Tensor mean, Tensor rstd, Tensor y) =>
        Each(KernelNames.NormalizeColumns, y.Length, x, mean, rstd, x.Shape[1], y, y.Length);

    public override void NormalizeColumnsBackward(Tensor y, Tensor rstd, Tensor dy, Tensor dx) =>
        Each(KernelNames.NormalizeColumnsBackward, y.Shape[1], y, rstd, dy, y.Shape[0], y.Shape[1], dx);

    public override void MeanTokens(Tensor x, int start, Tensor y) =>
        Each(KernelNames.MeanTokens, y.Length, x, x.Shape[1], x.Shape[2], start, y, y.Length);

    public override void MeanTokensBackward(Tensor dy, int start, Tensor dx) =>
        Each(KernelNames.MeanTokensBackward, dx.Length, dy, dx.Shape[1], dx.Shape[2], start, dx, dx.Length);
}
