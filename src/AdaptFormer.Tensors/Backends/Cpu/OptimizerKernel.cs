using System.Numerics;
using System.Runtime.Intrinsics;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Steps of optimizers over flat vectors. The vectors cover all whole lanes and the scalars the tail; both do the same operations in the
/// same order, so that the result does not depend on the machine.
/// </summary>
internal static unsafe class OptimizerKernel
{
    /// <summary>See <see cref="AdamStepCall"/>.</summary>
    public static void Adam(float* p, float* g, float* mean, float* square, in AdamSettings s, long n)
    {
        Vector<float> root = new(s.Root), eps = new(s.Eps);
        long i = 0;
        for (; i <= n - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> kept = Vector.Load(p + i) * s.Keep;
            Vector<float> gradient = Vector.Load(g + i) + (s.L2 * kept);
            Vector<float> m = (s.Beta1 * Vector.Load(mean + i)) + (s.Intake1 * gradient);
            Vector<float> v = (s.Beta2 * Vector.Load(square + i)) + (s.Intake2 * (gradient * gradient));
            m.Store(mean + i);
            v.Store(square + i);
            (kept - (s.Step * (m / ((Vector.SquareRoot(v) / root) + eps)))).Store(p + i);
        }

        for (; i < n; i++)
        {
            float kept = p[i] * s.Keep;
            float gradient = g[i] + (s.L2 * kept);
            mean[i] = (s.Beta1 * mean[i]) + (s.Intake1 * gradient);
            square[i] = (s.Beta2 * square[i]) + (s.Intake2 * (gradient * gradient));
            p[i] = kept - (s.Step * (mean[i] / ((MathF.Sqrt(square[i]) / s.Root) + s.Eps)));
        }
    }

    /// <summary>See <see cref="SgdStepCall"/>.</summary>
    public static void Sgd(float* p, float* g, float* buffer, in SgdSettings s, long n)
    {
        long i = 0;
        for (; i <= n - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> value = Vector.Load(p + i), gradient = Vector.Load(g + i) + (s.Decay * value), step = gradient;
            if (buffer != null)
            {
                Vector<float> m = (s.Momentum * Vector.Load(buffer + i)) + (s.Intake * gradient);
                m.Store(buffer + i);
                step = s.Nesterov ? gradient + (s.Momentum * m) : m;
            }

            (value - (s.Lr * step)).Store(p + i);
        }

        for (; i < n; i++)
        {
            float gradient = g[i] + (s.Decay * p[i]), step = gradient;
            if (buffer != null)
            {
                buffer[i] = (s.Momentum * buffer[i]) + (s.Intake * gradient);
                step = s.Nesterov ? gradient + (s.Momentum * buffer[i]) : buffer[i];
            }

            p[i] -= s.Lr * step;
        }
    }

    /// <summary>y += share·(x − y).</summary>
    public static void Lerp(float* y, float* x, float share, long n)
    {
        long i = 0;
        for (; i <= n - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> old = Vector.Load(y + i);
            (old + (share * (Vector.Load(x + i) - old))).Store(y + i);
        }

        for (; i < n; i++) y[i] += share * (x[i] - y[i]);
    }

    /// <summary>√Σx² in sixteen partial sums whatever the machine's vectors are.</summary>
    public static double Norm(float* x, long n)
    {
        Vector512<double> low = default, high = default;
        long i = 0;
        for (; i <= n - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.Load(x + i));
            low += a * a;
            high += b * b;
        }

        double sum = Vector512.Sum(low) + Vector512.Sum(high);
        for (; i < n; i++) sum += (double)x[i] * x[i];
        return Math.Sqrt(sum);
    }
}
