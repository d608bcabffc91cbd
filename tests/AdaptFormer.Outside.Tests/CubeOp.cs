using AdaptFormer.Tensors;

namespace AdaptFormer.Outside.Tests;

/// <summary>An operation: y = x³, with calls of its own, which run on every device.</summary>
internal static class CubeOp
{
    extension(Tensor x)
    {
        public Tensor Cube()
        {
            Tensor y = x.NewEmpty(x.Shape);
            new CubeCall(x, y).Run();
            return y.Record([x], keep: [x], dy =>
            {
                if (!x.NeedsGrad) return;
                Tensor dx = x.NewEmpty(x.Shape);
                new CubeBackwardCall(x, dy, dx).Run();
                x.AddGrad(dx);
            });
        }
    }
}

/// <summary>y = x³.</summary>
internal sealed record CubeCall(Tensor X, Tensor Y) : Call(Y)
{
    public override IReadOnlyList<Tensor?> Inputs => [X];

    public override void RunOn(Kernels kernels)
    {
        Tensor square = X.NewEmpty(X.Shape);
        kernels.Multiply(X, X, square);
        kernels.Multiply(square, X, Y);
    }
}

/// <summary>dx = 3x²∘dy.</summary>
internal sealed record CubeBackwardCall(Tensor X, Tensor Dy, Tensor Dx) : Call(Dx)
{
    public override IReadOnlyList<Tensor?> Inputs => [X, Dy];

    public override void RunOn(Kernels kernels)
    {
        Tensor square = X.NewEmpty(X.Shape), slope = X.NewEmpty(X.Shape);
        kernels.Multiply(X, X, square);
        kernels.Scale(square, 3, slope);
        kernels.Multiply(slope, Dy, Dx);
    }
}
