using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>y = residual + scale·f(x·Wᵀ + b); residual and bias may be null, y may be the residual.</summary>
    public virtual void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Epilogue epilogue, Tensor y)
    {
        (int n, int k) = weight.AsMatrix();
        Shape rows = new((int)(x.Length / k), n);
        using Tensor w = Typed(weight, x.Type), product = Temporary(rows);
        using Tensor input = x.View(new Shape(rows[0], k)), matrix = w.View(new Shape(n, k));
        MatMul(input, false, matrix, true, 1, product, false);
        if (bias is not null) AddBroadcast(product, bias, product);
        if (epilogue != Epilogue.None) Activate(epilogue == Epilogue.Relu ? ActivationKind.Relu : ActivationKind.Gelu, product, product);
        if (residual is null)
        {
            Scale(product, scale, y);
            return;
        }

        if (!residual.Overlaps(y)) Copy(residual, y);
        AddInto(y, product, scale);
    }

    /// <summary>
    /// y = x + scale·(f(x·Downᵀ + b)·Upᵀ + c), each run of samples with numbers of its own, the products' inputs in the
    /// type that these name; y may be x. The runs lie one behind the other through all samples of x; one without numbers is copied.
    /// </summary>
    public virtual void AddBottlenecks(Tensor x, IReadOnlyList<(int Start, int Count, Bottleneck? Bottleneck)> runs, Tensor y)
    {
        if (!x.Overlaps(y)) Copy(x, y);
        long sample = x.Shape[0] == 0 ? 0 : x.Length / x.Shape[0];
        foreach ((int start, int count, Bottleneck? bottleneck) in runs)
        {
            if (bottleneck is not { } b) continue;
            using Tensor sum = y.View(y.Shape.WithFirst(count), start * sample);
            using Tensor input = Typed(sum, b.Compute), hidden = Temporary(sum.Shape.WithLast(b.Down.Shape[0]), b.Compute);
            Linear(input, b.Down, b.DownBias, null, 1, b.Activation, hidden);
            Linear(hidden, b.Up, b.UpBias, sum, b.Scale, Epilogue.None, sum);
        }
    }

    /// <summary>
    /// y = GELU(x·Wᵀ + b); <c>kept</c>, of the type that <see cref="Backend.GeluKept"/> names, becomes what the backward pass reads.
    /// </summary>
    public virtual void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor kept, Tensor y)
    {
        Linear(x, weight, bias, null, 1, Epilogue.None, kept);
        Activate(ActivationKind.Gelu, kept, y);
    }

    /// <summary>The gradient before the activation, from what <see cref="LinearGeluCall"/> kept.</summary>
    public virtual void LinearGeluBackward(Tensor kept, Tensor dy, Tensor dPre)
    {
        ActivateBackward(ActivationKind.Gelu, kept, dy, dPre);
    }

    /// <summary>dx (+)= scale·dy·W, dy in the type of the product.</summary>
    public virtual void LinearBackwardInput(Tensor dy, Tensor weight, float scale, Tensor dx, bool accumulate)
    {
        (int o, int i) = weight.AsMatrix();
        int rows = (int)(dy.Length / o);
        using Tensor w = Typed(weight, dy.Type), matrix = w.View(new Shape(o, i));
        using Tensor from = dy.View(new Shape(rows, o)), to = dx.View(new Shape(rows, i));
        MatMul(from, false, matrix, false, scale, to, accumulate);
    }

    /// <summary>dW += scale·dyᵀ·x.</summary>
    public virtual void LinearBackwardWeight(Tensor dy, Tensor x, float scale, Tensor dWeight)
    {
        (int o, int i) = dWeight.AsMatrix();
        int rows = (int)(dy.Length / o);
        using Tensor left = dy.View(new Shape(rows, o)), right = x.View(new Shape(rows, i)), sum = dWeight.View(new Shape(o, i));
        MatMul(left, true, right, false, scale, sum, true);
    }
}
