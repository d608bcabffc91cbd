namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void Transpose(Tensor x, int columns, Tensor y)
    {
        int rows = (int)(x.Length / columns);
        float* from = x.Floats;
        float* to = y.Floats;
        for (int j = 0; j < columns; j++)
        {
            for (int i = 0; i < rows; i++) to[((long)j * rows) + i] = from[((long)i * columns) + j];
        }

        GC.KeepAlive(x);
        GC.KeepAlive(y);
    }

    public override void SumTaps(Tensor parts, TokenGrid grid, Tensor? bias, Tensor y)
    {
        (int images, int n, int m) = (y.Shape[0], y.Shape[1], y.Shape[2]);
        GridTaps taps = GridTaps.Of(grid, n);
        CpuParallel.For(images, (image, _) =>
        {
            Span<int> tokens = stackalloc int[GridTaps.Count], kernel = stackalloc int[GridTaps.Count];
            float* from = parts.Floats + ((long)image * n * GridTaps.Count * m);
            float* to = y.Floats + ((long)image * n * m);
            for (int token = 0; token < n; token++, to += m)
            {
                Span<float> sum = new(to, m);
                if (bias is null) sum.Clear();
                else new ReadOnlySpan<float>(bias.Floats, m).CopyTo(sum);
                int count = taps.Around(token, tokens, kernel);
                for (int k = 0; k < count; k++) Elementwise.Add(to, from + ((((long)tokens[k] * GridTaps.Count) + kernel[k]) * m), to, m);
            }
        });
    }

    public override void SpreadTaps(Tensor dy, TokenGrid grid, Tensor dParts)
    {
        (int images, int n, int m) = (dy.Shape[0], dy.Shape[1], dy.Shape[2]);
        GridTaps taps = GridTaps.Of(grid, n);
        CpuParallel.For(images, (image, _) =>
        {
            Span<int> tokens = stackalloc int[GridTaps.Count], kernel = stackalloc int[GridTaps.Count];
            float* to = dParts.Floats + ((long)image * n * GridTaps.Count * m);
            float* from = dy.Floats + ((long)image * n * m);
            new Span<float>(to, n * GridTaps.Count * m).Clear();
            for (int token = 0; token < n; token++, from += m)
            {
                int count = taps.Around(token, tokens, kernel);
                for (int k = 0; k < count; k++)
                    new ReadOnlySpan<float>(from, m).CopyTo(new Span<float>(
                        to + ((((long)tokens[k] * GridTaps.Count) + kernel[k]) * m), m));
            }
        });
    }

    public override void Depthwise(Tensor x, TokenGrid grid, Tensor taps, Tensor? bias, bool mirrored, Tensor y)
    {
        (int images, int n, int m) = (y.Shape[0], y.Shape[1], y.Shape[2]);
        CpuParallel.For(images, (image, _) =>
            DepthwiseKernel.Forward(x.Floats + ((long)image * n * m), GridTaps.Of(grid, n), taps.Floats, Data(bias), mirrored, m,
                y.Floats + ((long)image * n * m)));
    }

    public override void DepthwiseBackwardWeight(Tensor x, TokenGrid grid, Tensor dy, Tensor dTaps)
    {
        (int images, int n, int m) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        long size = dTaps.Length;
        using Tensor partial = new(new Shape(images, (int)size), DataType.Float32, Allocate(images * size * sizeof(float)), scoped: false);
        partial.Span.Clear();
        CpuParallel.For(images, (image, _) =>
            DepthwiseKernel.BackwardWeight(x.Floats + ((long)image * n * m), GridTaps.Of(grid, n), dy.Floats + ((long)image * n * m), m,
                partial.Floats + (image * size)));
        for (int image = 0; image < images; image++)
            Elementwise.AddInto(dTaps.Floats, (nint)(partial.Floats + (image * size)), DataType.Float32, 1, size);
    }
}
