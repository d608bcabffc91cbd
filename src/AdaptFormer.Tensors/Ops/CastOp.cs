namespace AdaptFormer.Tensors.Ops;

/// <summary>Conversion between f32 and bf16.</summary>
public static class CastOp
{
    extension(Tensor x)
    {
        /// <summary>The same numbers in <paramref name="type"/>; the gradient comes back in the type of x.</summary>
        public Tensor Cast(DataType type)
        {
            if (x.Type == type) return x;
            Tensor y = Tensor.Empty(x.Shape, type);
            Backends.Backend.Current.Copy(x, y);
            return y.Record([x], keep: [], dy => x.PassGrad(dy));
        }
    }
}
