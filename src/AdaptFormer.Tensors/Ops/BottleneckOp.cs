using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Bottlenecks beside a residual stream, y = x + Δ(x), for predictions.</summary>
public static class BottleneckOp
{
    extension(Tensor x)
    {
        /// <summary>
        /// Adds to the stream what a bottleneck makes of it. Rows travel down, through f, up and into the sum while they are in the cache;
        /// a training pass, which keeps what lies between, is made of <c>LinearOp</c>s instead.
        /// </summary>
        /// <param name="bottleneck">Δ.</param>
        /// <returns>The shape of x, f32; in x's memory if it was given.</returns>
        /// <exception cref="ArgumentException">A shape does not fit, or x is not f32.</exception>
        /// <exception cref="InvalidOperationException">The pass is recorded.</exception>
        public Tensor AddBottleneck(Bottleneck bottleneck) => x.AddBottlenecks([(0, x.Shape.Rank == 0 ? 0 : x.Shape[0], bottleneck)]);

        /// <summary>As <see cref="AddBottleneck"/>, for samples of several tasks: each run of them has a bottleneck of its own. One call
        /// computes all runs, and one bottleneck for everything is its case of a single run.</summary>
        /// <param name="runs">The samples of x, first to last, without a gap; a run without a bottleneck stays as it is.</param>
        /// <returns>The shape of x, f32; in x's memory if it was given.</returns>
        /// <exception cref="ArgumentException">A shape does not fit, x is not f32, or the runs are not the samples of x.</exception>
        /// <exception cref="InvalidOperationException">The pass is recorded.</exception>
        public Tensor AddBottlenecks(IReadOnlyList<(int Start, int Count, Bottleneck? Bottleneck)> runs)
        {
            if (x.Tape is not null)
                throw new InvalidOperationException("AddBottleneck: it has no gradient, and x belongs to a recorded pass.");
            int end = 0;
            foreach ((int start, int count, Bottleneck? bottleneck) in runs)
            {
                if (start != end) Throw.Shape("AddBottleneck", $"a run begins at sample {start}, expected {end}", ("x", x));
                end += count;
                if (bottleneck is not null) Check(x, bottleneck);
            }

            if (x.Shape.Rank == 0 || end != x.Shape[0])
                Throw.Shape("AddBottleneck", $"the runs end at sample {end}, expected all samples of x", ("x", x));
            Tensor y = x.TakeOrEmpty(x.Shape, DataType.Float32);
            new AddBottlenecksCall(x.IsAlive ? x : y, runs, y).Run();
            return y;
        }
    }

    private static void Check(Tensor x, Bottleneck bottleneck)
    {
        (int m, int c) = bottleneck.Down.AsMatrix();
        if (x.Type != DataType.Float32 || x.Shape.Rank == 0 || x.Shape[^1] != c || bottleneck.Up.AsMatrix() != (c, m))
        {
            Throw.Shape("AddBottleneck", "x [..., C], f32, must fit down [M, C] and up [C, M]",
                ("x", x), ("down", bottleneck.Down), ("up", bottleneck.Up));
        }
    }
}
