using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>y = a + b.</summary>
    public virtual void Add(Tensor a, Tensor b, Tensor y)
    {
        Copy(a, y);
        AddInto(y, b, 1);
    }

    /// <summary>y = factor·x; y may be x.</summary>
    public virtual void Scale(Tensor x, float factor, Tensor y)
    {
        using Tensor one = Constant(new Shape(1), 1);
        ScaleBy(x, one, factor, y);
    }

    /// <summary>y[i] = factors[i / (length / factors' length)]·x[i]: one factor for each leading slice (drop-path by sample).</summary>
    public virtual void ScaleSlices(Tensor x, Tensor factors, Tensor y)
    {
        int slices = (int)factors.Length;
        Shape slice = new((int)(x.Length / slices));
        for (int i = 0; i < slices; i++)
        {
            using Tensor from = x.View(slice, i * slice.Length), to = y.View(slice, i * slice.Length);
            using Tensor factor = factors.View(new Shape(1), i);
            ScaleBy(from, factor, 1, to);
        }
    }

    /// <summary>sum [C] += Σ a∘b over all rows.</summary>
    public virtual void SumProducts(Tensor a, Tensor b, Tensor sum)
    {
        using Tensor left = Typed(a, DataType.Float32), right = Typed(b, DataType.Float32), products = Temporary(a.Shape);
        Multiply(left, right, products);
        LinearBackwardBias(products, 1, sum);
    }

    /// <summary>y = factor·Σ xᵢ, one number, f32, summed in higher precision.</summary>
    public virtual void Sum(Tensor x, float factor, Tensor y)
    {
        using Tensor ones = Constant(x.Shape, 1);
        Dot(x, ones, factor, y);
    }

    /// <summary>y = √Σ xᵢ², one number, f32.</summary>
    public virtual void Norm(Tensor x, Tensor y)
    {
        const float LeastSquare = 1e-38f;       // keeps 0·(1/√0) a number
        using Tensor square = Temporary(y.Shape), inverse = Temporary(y.Shape);
        Dot(x, x, 1, square);
        InverseRoot(square, LeastSquare, inverse);
        Multiply(square, inverse, y);
    }

    /// <summary>y += share·(x − y), f32: a moving average takes x in.</summary>
    public virtual void Lerp(Tensor y, Tensor x, float share)
    {
        using Tensor difference = Temporary(y.Shape);
        Copy(x, difference);
        AddInto(difference, y, -1);
        AddInto(y, difference, share);
    }

    /// <summary>dp[j] += Σ over groups of dy: the gradient of <see cref="AddBroadcastCall"/>.</summary>
    public virtual void SumGroups(Tensor dy, Tensor dp)
    {
        LinearBackwardBias(dy, 1, dp);
    }

    private Tensor Constant(Shape shape, float value)
    {
        Tensor constant = Temporary(shape);
        Fill(constant, value);
        return constant;
    }
}
