using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>The mean of (x − t)² over all elements: what masked autoencoders minimise.</summary>
public static class MeanSquaredErrorOp
{
    extension(Tensor x)
    {
        /// <summary>The loss against targets, which are constants.</summary>
        /// <param name="targets">t, of x's shape, f32.</param>
        /// <returns>A scalar; 0 where there is no element.</returns>
        /// <exception cref="ArgumentException">The shapes differ, or one is not f32.</exception>
        public Tensor MeanSquaredError(Tensor targets)
        {
            if (x.Shape != targets.Shape || x.Type != DataType.Float32 || targets.Type != DataType.Float32)
                Throw.Shape("MeanSquaredError", "x and targets must have one shape, both f32", ("x", x), ("targets", targets));
            float share = x.Length == 0 ? 0 : 1f / x.Length;
            Tensor difference = x.NewEmpty(x.Shape);
            new CopyCall(x, difference).Run();
            new AddIntoCall(difference, targets, -1).Run();
            Tensor loss = x.NewEmpty(new Shape());
            new DotCall(difference, difference, share, loss).Run();
            return loss.Record([x], keep: [difference], dy =>
            {
                Tensor dx = x.NewEmpty(x.Shape);
                new ScaleByCall(difference, dy, 2 * share, dx).Run();               // dx = 2·(x − t)/n
                x.AddGrad(dx);
            });
        }
    }
}
