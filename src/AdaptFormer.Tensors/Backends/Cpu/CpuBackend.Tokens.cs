using AdaptFormer.Tensors.Backends.Cpu.Simd;

namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void AddBroadcast(Tensor x, Tensor p, Tensor y)
    {
        long group = p.Length;
        CpuParallel.For((int)(x.Length / group),
            (g, _) => Elementwise.Add(x.Floats + (g * group), p.Floats, y.Floats + (g * group), group));
    }

    public override void SumGroups(Tensor dy, Tensor dp)
    {
        long group = dp.Length;
        for (long start = 0; start < dy.Length; start += group) Elementwise.AddInto(dp.Floats, At(dy, start), dy.Type, 1, group);
    }

    public override void Unfold(Tensor pixels, int tubelet, int patch, Tensor rows) =>
        Patches(pixels.Shape, tubelet, patch, (pixel, element) =>
        Converter.Copy(At(pixels, pixel), pixels.Type, At(rows, element), rows.Type, patch));

    public override void Fold(Tensor rows, int tubelet, int patch, Tensor pixels) =>
        Patches(pixels.Shape, tubelet, patch, (pixel, element) =>
        Converter.Copy(At(rows, element), rows.Type, At(pixels, pixel), pixels.Type, patch));

    public override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add)
    {
        if (count == 0) return;
        (int groups, int dstRows, int c) = (dst.Shape[0], dst.Shape[1], dst.Shape[2]);
        (int srcGroups, int srcRows) = (src.Shape[0], src.Shape[1]);
        long n = (long)count * c;
        CpuParallel.For(srcGroups > groups ? 1 : groups, (item, _) =>
        {
            // A destination of one group collects the rows of all source groups, in order.
            for (int g = item; g < (srcGroups > groups ? srcGroups : item + 1); g++)
            {
                long from = ((((long)(srcGroups == 1 ? 0 : g)) * srcRows) + srcStart) * c;
                long to = ((((long)(groups == 1 ? 0 : g)) * dstRows) + dstStart) * c;
                if (add) Elementwise.AddInto(dst.Floats + to, At(src, from), src.Type, 1, n);
                else Converter.Copy(At(src, from), src.Type, At(dst, to), dst.Type, n);
            }
        });
    }

    public override void MeanTokens(Tensor x, int start, Tensor y)
    {
        (int groups, int n, int c) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        CpuParallel.For(groups, (g, _) =>
            Reduction.MeanRows(At(x, (((long)g * n) + start) * c), x.Type, n - start, c, y.Floats + ((long)g * c)));
    }

    public override void MeanTokensBackward(Tensor dy, int start, Tensor dx)
    {
        (int groups, int n, int c) = (dx.Shape[0], dx.Shape[1], dx.Shape[2]);
        float share = 1f / (n - start);
        CpuParallel.For(groups, (g, _) =>
        {
            new Span<byte>((void*)At(dx, (long)g * n * c), start * c * dx.Type.Size()).Clear();
            for (int i = start; i < n; i++)
            {
                Elementwise.Scale(At(dy, (long)g * c), dy.Type, share, At(dx, (((long)g * n) + i) * c), dx.Type, c);
            }
        });
    }

    public override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
        (int groups, int n, int c) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        int k = tokens.Length / groups;
        CpuParallel.For(groups, (g, _) =>
        {
            for (int i = g * k; i < (g + 1) * k; i++)
                Converter.Copy(At(x, (((long)g * n) + tokens[i]) * c), x.Type, At(y, (long)i * c), y.Type, c);
        });
    }

    public override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
        (int groups, int n, int c) = (dx.Shape[0], dx.Shape[1], dx.Shape[2]);
        int k = tokens.Length / groups;
        CpuParallel.For(groups, (g, _) =>
        {
            for (int i = g * k; i < (g + 1) * k; i++)
                Elementwise.AddInto(dx.Floats + ((((long)g * n) + tokens[i]) * c), At(dy, (long)i * c), dy.Type, 1, c);
        });
    }

    public override void TransposeRows(Tensor x, int rows, Tensor y)
    {
        int size = x.Shape[^1], columns = size / rows;
        CpuParallel.For((int)(x.Length / size), (m, _) =>
        {
            float* from = x.Floats + ((long)m * size), to = y.Floats + ((long)m * size);
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++) to[(j * rows) + i] = from[(i * columns) + j];
            }
        });
    }

    /// <summary>Pairs each run of <paramref name="patch"/> pixels in a row of a frame with its place in the patch rows.</summary>
    private static void Patches(Shape pixels, int tubelet, int patch, Action<long, long> run)
    {
        (int images, int channels, int frames, int height, int width) =
            (pixels[0], pixels[1], pixels.Rank == 5 ? pixels[2] : 1, pixels[^2], pixels[^1]);
        (int gridT, int gridH, int gridW) = (frames / tubelet, height / patch, width / patch);
        int length = channels * tubelet * patch * patch;
        CpuParallel.For(images * gridT * gridH, (item, _) =>
        {
            (int image, int place) = Math.DivRem(item, gridT * gridH);
            (int gt, int gy) = Math.DivRem(place, gridH);
            for (int inner = 0; inner < channels * tubelet * patch; inner++)
            {
                (int plane, int py) = Math.DivRem(inner, patch);
                (int c, int pt) = Math.DivRem(plane, tubelet);
                long row = (((((((long)image * channels) + c) * frames) + (gt * tubelet) + pt) * height) + (gy * patch) + py) * width;
                long first = ((long)item * gridW * length) + ((long)inner * patch);
                for (int gx = 0; gx < gridW; gx++) run(row + (gx * patch), first + ((long)gx * length));
            }
        });
    }
}
