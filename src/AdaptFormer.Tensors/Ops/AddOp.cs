using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>Sums of tensors.</summary>
public static class AddOp
{
    extension(Tensor a)
    {
        /// <summary>a + b, elementwise; f32 unless both are bf16.</summary>
        /// <exception cref="ArgumentException">The shapes differ.</exception>
        public Tensor Add(Tensor b)
        {
            if (a.Shape != b.Shape) Throw.Shape("Add", "both shapes must be equal", ("a", a), ("b", b));
            Tensor y = a.NewEmpty(a.Shape, a.Type == b.Type ? a.Type : DataType.Float32);
            new AddCall(a, b, y).Run();
            return y.Record([a, b], keep: [], dy =>
            {
                a.PassGrad(dy);      // da = dy
                b.PassGrad(dy);      // db = dy
            });
        }

        /// <summary>Adds <paramref name="p"/> to every group of rows: y[g] = a[g] + p, a position embedding for a batch.</summary>
        /// <param name="p">[1, N, C] or [N, C], f32, for a of [B, N, C], f32.</param>
        /// <exception cref="ArgumentException">The trailing axes differ, or a tensor is not f32.</exception>
        public Tensor AddBroadcast(Tensor p)
        {
            ReadOnlySpan<int> group = p.Shape.Dims.TrimStart(1);
            if (p.Length == 0 || !a.Shape.Dims.EndsWith(group))
                Throw.Shape("AddBroadcast", "p must have the trailing axes of a", ("a", a), ("p", p));
            if (a.Type != DataType.Float32 || p.Type != DataType.Float32)
                throw new ArgumentException($"AddBroadcast: both tensors must be f32, got {a} and {p}.");
            Tensor y = a.NewEmpty(a.Shape);
            new AddBroadcastCall(a, p, y).Run();
            return y.Record([a, p], keep: [], dy =>
            {
                a.PassGrad(dy);
                if (p.NeedsGrad) p.SumGrad(dp => new SumGroupsCall(dy, dp).Run());
            });
        }

        /// <summary>a + b.</summary>
        public static Tensor operator +(Tensor left, Tensor right) => left.Add(right);
    }

    extension(Tensor x)
    {
        /// <summary>Passes dy on when x wants it, converted when x is of another type.</summary>
        internal void PassGrad(Tensor dy)
        {
            if (x.NeedsGrad) x.AddGrad(x is Parameter ? dy : dy.As(x.Type));
        }
    }
}
