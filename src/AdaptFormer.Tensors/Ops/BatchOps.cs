
namespace AdaptFormer.Tensors.Ops;

/// <summary>Cutting a batch into parts along its first axis and joining results again.</summary>
public static class BatchOps
{
    extension(Tensor x)
    {
        /// <summary>Samples start … start + count − 1, in place.</summary>
        /// <returns>[count, ...].</returns>
        /// <exception cref="ArgumentException">The range is not inside x.</exception>
        public Tensor SliceBatch(int start, int count)
        {
            if (x.Shape.Rank == 0 || start < 0 || count < 0 || start + count > x.Shape[0])
                Throw.Shape("SliceBatch", $"samples {start}…{start + count} must lie inside x", ("x", x));
            if (count == x.Shape[0]) return x;
            long sample = x.Length / x.Shape[0];
            return x.View(x.Shape.WithFirst(count), start * sample).Record([x], keep: [], dy => x.GradInto((dx, add) =>
            {
                if (!add) new FillCall(dx, 0).Run();
                new AddIntoCall(dx.View(dy.Shape, start * sample), dy).Run();
            }));
        }
    }

    /// <summary>Joins tensors along their first axis.</summary>
    /// <param name="parts">[Bᵢ, ...], equal in all other axes and in type; at least one.</param>
    /// <returns>[Σ Bᵢ, ...].</returns>
    /// <exception cref="ArgumentException">There is no part, or two differ in more than the first axis.</exception>
    public static Tensor ConcatBatch(IReadOnlyList<Tensor> parts)
    {
        if (parts.Count == 0) throw new ArgumentException("ConcatBatch: at least one part is needed.", nameof(parts));
        if (parts.Count == 1) return parts[0];
        Tensor first = parts[0];
        foreach (Tensor part in parts)
        {
            if (part.Type != first.Type || part.Shape.WithFirst(0) != first.Shape.WithFirst(0))
                Throw.Shape("ConcatBatch", "parts must agree in type and in all axes but the first", ("first", first), ("part", part));
        }

        Tensor y = first.NewEmpty(first.Shape.WithFirst(parts.Sum(part => part.Shape[0])), first.Type);
        ForEach((part, offset) => new CopyCall(part, y.View(part.Shape, offset)).Run());
        return y.Record([.. parts], keep: [], dy => ForEach((part, offset) =>
        {
            if (part.NeedsGrad) part.AddGrad(dy.View(part.Shape, offset));
        }));

        void ForEach(Action<Tensor, long> act)
        {
            long offset = 0;
            foreach (Tensor part in parts)
            {
                act(part, offset);
                offset += part.Length;
            }
        }
    }
}
