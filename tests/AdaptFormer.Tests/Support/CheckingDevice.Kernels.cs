using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tests.Support;

internal sealed partial class CheckingDevice
{
    public override void Fill(Tensor y, float value)
    {
        float[] values = new float[y.Length];
        Array.Fill(values, value);
        Write(y, values);
    }

    public override void Copy(Tensor x, Tensor y) => Write(y, Read(x));

    public override void AddInto(Tensor y, Tensor x, float scale) => Map(y, Read(y), Read(x), (a, b) => a + (scale * b));

    public override void ScaleBy(Tensor x, Tensor s, float factor, Tensor y)
    {
        float by = factor * Read(s)[0];
        Map(y, Read(x), value => by * value);
    }

    public override void ScaleFeatures(Tensor x, Tensor gamma, Tensor? beta, Tensor y)
    {
        (float[] values, float[] g, float[] b) = (Read(x), Read(gamma), ReadOrEmpty(beta));
        for (int i = 0; i < values.Length; i++) values[i] = (g[i % g.Length] * values[i]) + (b.Length == 0 ? 0 : b[i % b.Length]);
        Write(y, values);
    }

    public override void Multiply(Tensor a, Tensor b, Tensor y) => Map(y, Read(a), Read(b), (left, right) => left * right);

    public override void Dot(Tensor a, Tensor b, float factor, Tensor y)
    {
        (float[] left, float[] right, double sum) = (Read(a), Read(b), 0);
        for (int i = 0; i < left.Length; i++) sum += (double)left[i] * right[i];
        Write(y, [(float)(factor * sum)]);
    }

    public override void AddBroadcast(Tensor x, Tensor p, Tensor y)
    {
        (float[] values, float[] added) = (Read(x), Read(p));
        for (int i = 0; i < values.Length; i++) values[i] += added[i % added.Length];
        Write(y, values);
    }

    public override void AllFinite(Tensor x, Tensor y) => Write(y, [Read(x).All(float.IsFinite) ? 1 : 0]);

    public override void InverseRoot(Tensor x, float eps, Tensor y) => Map(y, Read(x), value => 1 / Math.Sqrt((double)value + eps));

    public override void Activate(ActivationKind kind, Tensor x, Tensor y) => Map(y, Read(x), kind switch
    {
        ActivationKind.Relu => value => Reference.Relu(value),
        ActivationKind.Gelu => value => Reference.Gelu(value),
        ActivationKind.QuickGelu => value => Reference.QuickGelu(value),
        ActivationKind.Tanh => value => Reference.Tanh(value),
        _ => value => Reference.Sigmoid(value),
    });

    public override void ActivateBackward(ActivationKind kind, Tensor kept, Tensor dy, Tensor dx) => Map(dx, Read(kept), Read(dy), (known, d) => d * kind switch
    {
        ActivationKind.Relu => Reference.ReluSlope(known),
        ActivationKind.Gelu => Reference.GeluSlope(known),
        ActivationKind.QuickGelu => Reference.QuickGeluSlope(known),
        ActivationKind.Tanh => Reference.TanhSlope(known),
        _ => Reference.SigmoidSlope(known),
    });

    public override void Dropout(Tensor x, ulong key, float rate, Tensor y)
    {
        float[] values = Read(x);
        uint threshold = (uint)Math.Round(rate * (1 << 16));
        for (int i = 0; i < values.Length; i++)
        {
            uint bits = (ushort)(Rng.At(key, (ulong)i / 4) >> (16 * (i % 4)));
            values[i] = bits >= threshold ? values[i] * (1 / (1 - rate)) : 0;
        }

        Write(y, values);
    }

    public override void LinearBackwardBias(Tensor dy, float scale, Tensor dBias)
    {
        (float[] rows, float[] sum) = (Read(dy), Read(dBias));
        for (int j = 0; j < sum.Length; j++)
        {
            double column = 0;
            for (int i = j; i < rows.Length; i += sum.Length) column += rows[i];
            sum[j] += (float)(scale * column);
        }

        Write(dBias, sum);
    }

    public override void LayerNorm(Tensor x, Tensor? gamma, Tensor? beta, float eps, Tensor? mean, Tensor? rstd, Tensor y)
    {
        (float[] values, float[] g, float[] b, int c) = (Read(x), ReadOrEmpty(gamma), ReadOrEmpty(beta), x.Shape[^1]);
        (float[] means, float[] inverses, double[] row) = (new float[values.Length / c], new float[values.Length / c], new double[c]);
        for (int r = 0; r < means.Length; r++)
        {
            (double m, double inverse) = Reference.LayerNorm(values.AsSpan(r * c, c), g, b, eps, row);
            (means[r], inverses[r]) = ((float)m, (float)inverse);
            for (int j = 0; j < c; j++) values[(r * c) + j] = (float)row[j];
        }

        Write(y, values);
        if (mean is not null) Write(mean, means);
        if (rstd is not null) Write(rstd, inverses);
    }

    public override void LayerNormBackward(Tensor x, Tensor mean, Tensor rstd, Tensor? gamma, Tensor dy, Tensor dx, bool accumulate)
    {
        (float[] values, float[] means, float[] inverses, float[] g, float[] d, int c) = (Read(x), Read(mean), Read(rstd), ReadOrEmpty(gamma), Read(dy), x.Shape[^1]);
        float[] sum = accumulate ? Read(dx) : new float[values.Length];
        double[] row = new double[c];
        for (int r = 0; r < means.Length; r++)
        {
            Reference.LayerNormBackward(values.AsSpan(r * c, c), means[r], inverses[r], g, d.AsSpan(r * c, c), row);
            for (int j = 0; j < c; j++) sum[(r * c) + j] += (float)row[j];
        }

        Write(dx, sum);
    }

    public override void LayerNormBackwardParams(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, Tensor dBeta)
    {
        (float[] values, float[] means, float[] inverses, float[] d, int c) = (Read(x), Read(mean), Read(rstd), Read(dy), x.Shape[^1]);
        (float[] gammas, float[] betas) = (Read(dGamma), Read(dBeta));
        for (int i = 0; i < values.Length; i++)
        {
            gammas[i % c] += d[i] * (values[i] - means[i / c]) * inverses[i / c];
            betas[i % c] += d[i];
        }

        Write(dGamma, gammas);
        Write(dBeta, betas);
    }

    public override void CopyTokens(Tensor src, int srcStart, Tensor dst, int dstStart, int count, bool add)
    {
        (float[] from, float[] to, int c) = (Read(src), Read(dst), dst.Shape[2]);
        (int sources, int destinations) = (src.Shape[0], dst.Shape[0]);
        for (int g = 0; g < Math.Max(sources, destinations); g++)
        {
            int at = (((sources == 1 ? 0 : g) * src.Shape[1]) + srcStart) * c, into = (((destinations == 1 ? 0 : g) * dst.Shape[1]) + dstStart) * c;
            for (int i = 0; i < count * c; i++) to[into + i] = from[at + i] + (add ? to[into + i] : 0);
        }

        Write(dst, to);
    }

    public override void GatherTokens(Tensor x, int[] tokens, Tensor y)
    {
        (float[] from, float[] to, int n, int c) = (Read(x), new float[y.Length], x.Shape[1], x.Shape[2]);
        int k = tokens.Length / x.Shape[0];
        for (int i = 0; i < tokens.Length; i++) Array.Copy(from, ((i / k * n) + tokens[i]) * c, to, i * c, c);
        Write(y, to);
    }

    public override void ScatterTokens(Tensor dy, int[] tokens, Tensor dx)
    {
        (float[] from, float[] to, int n, int c) = (Read(dy), Read(dx), dx.Shape[1], dx.Shape[2]);
        int k = tokens.Length / dx.Shape[0];
        for (int i = 0; i < tokens.Length * c; i++) to[(((i / c / k * n) + tokens[i / c]) * c) + (i % c)] += from[i];
        Write(dx, to);
    }

    public override void AdamStep(Tensor p, Tensor g, Tensor mean, Tensor square, AdamSettings settings)
    {
        (float[] values, float[] d, float[] m, float[] v) = (Read(p), Read(g), Read(mean), Read(square));
        for (int i = 0; i < values.Length; i++)
        {
            float kept = settings.Keep * values[i], gradient = d[i] + (settings.L2 * kept);
            m[i] = (settings.Beta1 * m[i]) + (settings.Intake1 * gradient);
            v[i] = (settings.Beta2 * v[i]) + (settings.Intake2 * gradient * gradient);
            values[i] = kept - (settings.Step * (m[i] / ((MathF.Sqrt(v[i]) / settings.Root) + settings.Eps)));
        }

        Write(p, values);
        Write(mean, m);
        Write(square, v);
    }

    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, float scale, Tensor c, bool accumulate)
    {
        (float[] left, float[] right, float[] product) = (Read(a), Read(b), accumulate ? Read(c) : new float[c.Length]);
        (int m, int n, int k, int groups) = (c.Shape[^2], c.Shape[^1], a.Shape[transposeA ? ^2 : ^1], c.Shape.Rank == 3 ? c.Shape[0] : 1);
        (int leftRow, int leftColumn, int rightRow, int rightColumn) = (transposeA ? 1 : k, transposeA ? m : 1, transposeB ? 1 : n, transposeB ? k : 1);
        for (int at = 0; at < product.Length; at++)
        {
            (int row, int column) = Math.DivRem(at, n);
            (int group, int i) = Math.DivRem(row, m);
            (int x, int y, double sum) = ((group * m * k) + (i * leftRow), (group * k * n) + (column * rightColumn), 0);
            for (int step = 0; step < k; step++, x += leftColumn, y += rightRow) sum += (double)left[x] * right[y];
            product[at] += (float)(scale * sum);
        }

        Assert(groups * m * n == product.Length);
        Write(c, product);
    }

    public override void Softmax(Tensor s, Tensor p)
    {
        (float[] scores, int n) = (Read(s), s.Shape[^1]);
        double[] row = new double[n];
        for (int at = 0; at < scores.Length; at += n)
        {
            Reference.Softmax(scores.AsSpan(at, n), 1, default, row);
            for (int j = 0; j < n; j++) scores[at + j] = (float)row[j];
        }

        Write(p, scores);
    }

    public override void SoftmaxBackward(Tensor p, Tensor dp, Tensor ds)
    {
        (float[] probabilities, float[] d, int n) = (Read(p), Read(dp), p.Shape[^1]);
        double[] row = new double[n];
        for (int at = 0; at < d.Length; at += n)
        {
            Reference.SoftmaxBackward(probabilities.AsSpan(at, n), d.AsSpan(at, n), 1, row);
            for (int j = 0; j < n; j++) d[at + j] = (float)row[j];
        }

        Write(ds, d);
    }

    public override void Permute(Tensor x, ReadOnlySpan<int> dims, ReadOnlySpan<int> axes, Tensor y)
    {
        (float[] from, float[] to) = (Read(x), new float[y.Length]);
        int[] strides = new int[dims.Length];
        for (int axis = dims.Length - 1, stride = 1; axis >= 0; stride *= dims[axis--]) strides[axis] = stride;
        for (int i = 0; i < to.Length; i++)
        {
            int at = 0;
            for (int axis = axes.Length - 1, rest = i; axis >= 0; rest /= dims[axes[axis--]]) at += rest % dims[axes[axis]] * strides[axes[axis]];
            to[i] = from[at];
        }

        Write(y, to);
    }

    private static void Map(Tensor y, float[] x, Func<float, double> f) => Write(y, [.. x.Select(value => (float)f(value))]);

    private static void Map(Tensor y, float[] a, float[] b, Func<float, float, double> f) => Write(y, [.. a.Zip(b, (left, right) => (float)f(left, right))]);

    private static void Assert(bool holds)
    {
        if (!holds) throw new InvalidOperationException("The operands' shapes do not fit.");
    }
}
