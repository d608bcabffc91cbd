using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Ops;

/// <summary>A bottleneck beside a residual stream, y = x + s·(W_up·f(W_down·x + b_down) + b_up), for predictions.</summary>
public static class BottleneckOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// Adds to the stream what a bottleneck makes of it. Rows travel down, through f, up and into the sum while they are in the cache; a training pass, which keeps
        /// what lies between, is made of <c>LinearOp</c>s instead.
        /// </summary>
        /// <param name="down">W_down, [M, C], and b_down, [M].</param>
        /// <param name="up">W_up, [C, M], and b_up, [C].</param>
        /// <param name="activation">f.</param>
        /// <param name="scale">s.</param>
        /// <param name="compute">Type of the products' inputs.</param>
        /// <param name="inPlace">The result takes x's memory if nobody else holds it; x is not read afterwards.</param>
        /// <returns>The shape of x, f32.</returns>
        /// <exception cref="ArgumentException">A shape does not fit, or x is not f32.</exception>
        /// <exception cref="InvalidOperationException">The pass is recorded.</exception>
        public Tensor AddBottleneck(
            (Parameter Weight, Parameter? Bias) down, (Parameter Weight, Parameter? Bias) up, Epilogue activation, float scale, DataType compute, bool inPlace = false)
        {
            (int m, int c) = down.Weight.AsMatrix();
            if (x.Type != DataType.Float32 || x.Shape.Rank == 0 || x.Shape[^1] != c || up.Weight.AsMatrix() != (c, m))
                Throw.Shape("AddBottleneck", "x [..., C], f32, must fit down [M, C] and up [C, M]", ("x", x), ("down", down.Weight), ("up", up.Weight));
            if (x.Tape is not null) throw new InvalidOperationException("AddBottleneck: it has no gradient, and x belongs to a recorded pass.");

            Tensor y = inPlace && x.HasOneHolder ? x.Move(x.Shape) : Tensor.Empty(x.Shape);
            Backend.Current.AddBottleneck(x.IsAlive ? x : y, down.Weight, down.Bias, up.Weight, up.Bias, activation, scale, compute, y);
            return y;
        }
    }
}
