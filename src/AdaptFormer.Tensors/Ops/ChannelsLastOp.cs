using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>The order of numbers within a patch: channel by channel, as <c>Unfold</c> cuts it, to pixel by pixel.</summary>
public static class ChannelsLastOp
{
    extension(Tensor rows)
    {
        /// <summary>[..., C·P] of C channels of P pixels each → [..., P·C].</summary>
        /// <param name="channels">C; divides the last axis.</param>
        /// <returns>The shape of rows, f32.</returns>
        /// <exception cref="ArgumentException">The channels do not divide the last axis, or rows is not f32.</exception>
        public Tensor ChannelsLast(int channels)
        {
            if (rows.Shape.Rank == 0 || channels < 1 || rows.Shape[^1] % channels != 0 || rows.Type != DataType.Float32)
                Throw.Shape("ChannelsLast", $"{channels} channels must divide the last axis of f32 rows", ("rows", rows));
            Tensor y = rows.NewEmpty(rows.Shape);
            new TransposeRowsCall(rows, channels, y).Run();
            return y.Record([rows], keep: [], dy =>
            {
                Tensor dx = rows.NewEmpty(rows.Shape);
                new TransposeRowsCall(dy, rows.Shape[^1] / channels, dx).Run();
                rows.AddGrad(dx);
            });
        }
    }
}
