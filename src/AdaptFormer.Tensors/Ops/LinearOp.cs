using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Affine map over the last axis: y = r + s·(x·Wᵀ + b).</summary>
public static class LinearOp
{
    extension(Tensor x)
    {
        /// <summary>Maps the last axis of <paramref name="x"/> from I to O features.</summary>
        /// <param name="weight">W, [O, I]; further axes (a patch kernel's) count as one.</param>
        /// <param name="bias">b, [O]; none if null.</param>
        /// <param name="compute">
        /// Type of the product's inputs: x is rounded to it, W is kept in it; sums are f32. x's own type if null.
        /// </param>
        /// <param name="output">Type of y; f32 with a residual, else <paramref name="compute"/> if null.</param>
        /// <param name="residual">r, of y's shape, f32; none if null. The result takes its memory if it was given.</param>
        /// <param name="scale">s.</param>
        /// <returns>[..., O].</returns>
        /// <exception cref="ArgumentException">The last axis of x is not I long, or a shape does not fit.</exception>
        public Tensor Linear(
            Tensor weight, Tensor? bias = null, DataType? compute = null, DataType? output = null, Tensor? residual = null, float scale = 1)
        {
            Check(x, weight, bias);
            Shape shape = x.Shape.WithLast(weight.Shape[0]);
            if (residual is not null && residual.Shape != shape)
                Throw.Shape("Linear", $"the residual must have the result's shape {shape}", ("residual", residual));

            Tensor input = x.As(compute ?? x.Type);
            DataType type = output ?? (residual is null ? input.Type : DataType.Float32);
            Tensor y = residual?.TakeOrEmpty(shape, type) ?? Tensor.Empty(shape, type);
            Tensor? rest = residual is { IsAlive: false } ? y : residual;
            Backend.Current.Linear(input, weight, bias, rest, scale, Epilogue.None, y);                    // y = r + s·(x·Wᵀ + b)
            return y.Record([x, weight, bias, residual], keep: Operands(x, input, weight), dy =>
            {
                residual?.PassGrad(dy);                                                                    // dr = dy
                Backward(x, input, weight, bias, scale, dy);
            });
        }

        /// <summary>
        /// GELU(x·Wᵀ + b): the first half of a feed-forward layer, in one sweep over memory. The backward pass reads the derivative, kept
        /// in two bytes in f32 (within 1/102400 of it) and in one in bf16 (within 1/404).
        /// </summary>
        /// <param name="weight">W, [O, I].</param>
        /// <param name="bias">b, [O]; none if null.</param>
        /// <param name="compute">Type of the product's inputs and of the result; x's own type if null.</param>
        /// <returns>[..., O].</returns>
        /// <exception cref="ArgumentException">The last axis of x is not I long.</exception>
        public Tensor LinearGelu(Tensor weight, Tensor? bias = null, DataType? compute = null)
        {
            Check(x, weight, bias);
            Tensor input = x.As(compute ?? x.Type);
            Tensor y = Tensor.Empty(x.Shape.WithLast(weight.Shape[0]), input.Type);
            if (!Recording.Records(x, weight, bias))
            {
                Backend.Current.Linear(input, weight, bias, null, 1, Epilogue.Gelu, y);
                return y.Record([x], [], static _ => { });
            }

            Tensor kept = Tensor.Empty(y.Shape, y.Type == DataType.BFloat16 ? DataType.Code8 : DataType.Code16);
            Backend.Current.LinearGelu(input, weight, bias, kept, y);
            return y.Record([x, weight, bias], keep: [kept, .. Operands(x, input, weight)], dy =>
            {
                Tensor dPre = Tensor.Empty(y.Shape, y.Type);
                Backend.Current.LinearGeluBackward(kept, dy, dPre);
                Backward(x, input, weight, bias, 1, dPre);
            });
        }

        /// <summary>ReLU(x·Wᵀ + b): the adapter's first half. Backward reads its output instead of the pre-activation.</summary>
        /// <param name="weight">W, [O, I].</param>
        /// <param name="bias">b, [O]; none if null.</param>
        /// <param name="compute">Type of the product's inputs and of the result; x's own type if null.</param>
        /// <returns>[..., O].</returns>
        /// <exception cref="ArgumentException">The last axis of x is not I long.</exception>
        public Tensor LinearRelu(Tensor weight, Tensor? bias = null, DataType? compute = null)
        {
            Check(x, weight, bias);
            Tensor input = x.As(compute ?? x.Type);
            Tensor y = Tensor.Empty(x.Shape.WithLast(weight.Shape[0]), input.Type);
            Backend.Current.Linear(input, weight, bias, null, 1, Epilogue.Relu, y);
            return y.Record([x, weight, bias], keep: [y, .. Operands(x, input, weight)], dy =>
            {
                Tensor dPre = Tensor.Empty(y.Shape, y.Type);
                Backend.Current.ActivateBackward(ActivationKind.Relu, y, dy, dPre);
                Backward(x, input, weight, bias, 1, dPre);
            });
        }
    }

    // dW reads the input, dx reads W.
    private static Tensor?[] Operands(Tensor x, Tensor input, Tensor weight) =>
        [weight.NeedsGrad ? input : null, x.NeedsGrad ? weight : null];

    private static void Backward(Tensor x, Tensor input, Tensor weight, Tensor? bias, float scale, Tensor dy)
    {
        Tensor d = dy.As(input.Type);
        if (x.NeedsGrad)
            x.GradInto((dx, add) => Backend.Current.LinearBackwardInput(d, weight, scale, dx, add));               // dx = s·dy·W
        if (weight.NeedsGrad) weight.SumGrad(dW => Backend.Current.LinearBackwardWeight(d, input, scale, dW));       // dW = s·dyᵀ·x
        if (bias is { NeedsGrad: true }) bias.SumGrad(db => Backend.Current.LinearBackwardBias(dy, scale, db));      // db = s·Σ dy
    }

    private static void Check(Tensor x, Tensor weight, Tensor? bias)
    {
        if (weight.Shape.Rank < 2 || x.Shape.Rank == 0 || x.Shape[^1] * (long)weight.Shape[0] != weight.Length)
            Throw.Shape("Linear", "the last axis of x and weight [O, I] must agree", ("x", x), ("weight", weight));
        if (bias is not null && bias.Length != weight.Shape[0])
            Throw.Shape("Linear", "bias [O] must have one number for each row of weight [O, I]", ("weight", weight), ("bias", bias));
    }
}
