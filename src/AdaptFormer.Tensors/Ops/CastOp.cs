
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
            Tensor y = x.NewEmpty(x.Shape, type);
            new CopyCall(x, y).Run();
            return y.Record([x], keep: [], dy => x.PassGrad(dy));
        }
    }
}
