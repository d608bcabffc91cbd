using AdaptFormer.Tensors.Backends;

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

            Tensor input = Input(x, weight, compute);
            DataType type = output ?? (residual is null ? compute ?? x.Type : DataType.Float32);
            Tensor y = residual?.TakeOrEmpty(shape, type) ?? x.NewEmpty(shape, type);
            Tensor? rest = residual is { IsAlive: false } ? y : residual;
            new LinearCall(input, weight, bias, rest, scale, Epilogue.None, y).Run();                    // y = r + s·(x·Wᵀ + b)
            return y.Record([x, weight, bias, residual], keep: Operands(x, input, weight), dy =>
            {
                residual?.PassGrad(dy);                                                                    // dr = dy
                Backward(x, input, weight, bias, scale, dy);
            });
        }

        /// <summary>
        /// GELU(x·Wᵀ + b): the first half of a feed-forward layer, in one sweep over memory. The backward pass reads the derivative,
        /// kept in two bytes in f32 (within 1/102400 of it) and in one in bf16 (within 1/404).
        /// </summary>
        /// <param name="weight">W, [O, I].</param>
        /// <param name="bias">b, [O]; none if null.</param>
        /// <param name="compute">Type of the product's inputs; x's own type if null.</param>
        /// <param name="output">Type of the result; <paramref name="compute"/> if null.</param>
        /// <returns>[..., O].</returns>
        /// <exception cref="ArgumentException">The last axis of x is not I long.</exception>
        public Tensor LinearGelu(Tensor weight, Tensor? bias = null, DataType? compute = null, DataType? output = null)
        {
            Check(x, weight, bias);
            Tensor input = Input(x, weight, compute);
            Tensor y = x.NewEmpty(x.Shape.WithLast(weight.Shape[0]), output ?? compute ?? x.Type);
            if (!Recording.Records(x, weight, bias))
            {
                new LinearCall(input, weight, bias, null, 1, Epilogue.Gelu, y).Run();
                return y.Record([x], [], static _ => { });
            }

            Tensor kept = x.NewEmpty(y.Shape, Backend.For(x.Device).GeluKept(y.Type));
            new LinearGeluCall(input, weight, bias, kept, y).Run();
            return y.Record([x, weight, bias], keep: [kept, .. Operands(x, input, weight)], dy =>
            {
                Tensor dPre = x.NewEmpty(y.Shape, y.Type);
                new LinearGeluBackwardCall(kept, dy, dPre).Run();
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
            Tensor input = Input(x, weight, compute);
            Tensor y = x.NewEmpty(x.Shape.WithLast(weight.Shape[0]), compute ?? x.Type);
            new LinearCall(input, weight, bias, null, 1, Epilogue.Relu, y).Run();
            return y.Record([x, weight, bias], keep: [y, .. Operands(x, input, weight)], dy =>
            {
                Tensor dPre = x.NewEmpty(y.Shape, y.Type);
                new ActivateBackwardCall(ActivationKind.Relu, y, dy, dPre).Run();
                Backward(x, input, weight, bias, 1, dPre);
            });
        }
    }

    // A weight in 8-bit whole numbers makes codes of rows of either type, whatever the model computes in.
    private static Tensor Input(Tensor x, Tensor weight, DataType? compute) =>
        weight is Parameter { InBytes: true, Trainable: false } ? x : x.As(compute ?? x.Type);

    // dW reads the input, dx reads W.
    private static Tensor?[] Operands(Tensor x, Tensor input, Tensor weight) =>
        [weight.NeedsGrad ? input : null, x.NeedsGrad ? weight : null];

    private static void Backward(Tensor x, Tensor input, Tensor weight, Tensor? bias, float scale, Tensor dy)
    {
        Tensor d = dy.As(input.Type);
        if (x.NeedsGrad)
            x.GradInto((dx, add) => new LinearBackwardInputCall(d, weight, scale, dx, add).Run());               // dx = s·dy·W
        if (weight.NeedsGrad) weight.SumGrad(dW => new LinearBackwardWeightCall(d, input, scale, dW).Run());       // dW = s·dyᵀ·x
        if (bias is { NeedsGrad: true }) bias.SumGrad(db => new LinearBackwardBiasCall(dy, scale, db).Run());      // db = s·Σ dy
    }

    private static void Check(Tensor x, Tensor weight, Tensor? bias)
    {
        if (weight.Shape.Rank < 2 || x.Shape.Rank == 0 || x.Shape[^1] * (long)weight.Shape[0] != weight.Length)
            Throw.Shape("Linear", "the last axis of x and weight [O, I] must agree", ("x", x), ("weight", weight));
        if (bias is not null && bias.Length != weight.Shape[0])
            Throw.Shape("Linear", "bias [O] must have one number for each row of weight [O, I]", ("weight", weight), ("bias", bias));
    }
}
