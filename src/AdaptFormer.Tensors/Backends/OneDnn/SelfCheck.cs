using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>
/// One small product per activation, compared with scalar code when the library is loaded. Constants and signatures differ
/// between versions, and the wrong ones do not fail: they compute nonsense.
/// </summary>
internal static unsafe class SelfCheck
{
    private const int M = 3, N = 5, K = 7;
    private const float Scale = 0.5f;

    /// <summary>An error in words, or null when the library computes what it should.</summary>
    public static string? Run(OneDnnRuntime runtime)
    {
        foreach (Epilogue epilogue in (ReadOnlySpan<Epilogue>)[Epilogue.Relu, Epilogue.Gelu])
        {
            double error = Error(runtime, epilogue);
            if (!(error < 1e-5)) return $"its {M}x{K}x{N} test product with {epilogue} is off by {error:g3}";
        }

        return null;
    }

    private static double Error(OneDnnRuntime runtime, Epilogue epilogue)
    {
        Operand c = Operand.Dense(DataType.Float32, N);
        MatMulKey key = new(1, M, N, K, Operand.Dense(DataType.Float32, K), Operand.Transposed(DataType.Float32, K), c,
            Bias: true, Epilogue: epilogue, Scale: Scale, Accumulate: true);
        if (OneDnnPlan.TryCreate(runtime, key, null, out _) is not { } plan) return 0; // nothing to run here is nothing to get wrong

        float* a = stackalloc float[M * K], b = stackalloc float[N * K], bias = stackalloc float[N], y = stackalloc float[M * N];
        Fill(a, M * K, 1);
        Fill(b, N * K, 2);
        Fill(bias, N, 3);
        Fill(y, M * N, 4);
        double[] expected = new double[M * N];
        for (int i = 0; i < M * N; i++)
        {
            (int m, int n) = (i / N, i % N);
            double t = bias[n];
            for (int k = 0; k < K; k++) t += (double)a[m * K + k] * b[n * K + k];
            t = epilogue == Epilogue.Relu ? Math.Max(t, 0) : t * Phi(t);
            expected[i] = y[i] + Scale * t;
        }

        plan.Run(Worker.Current, (nint)a, (nint)b, (nint)bias, (nint)y);
        double worst = 0;
        for (int i = 0; i < M * N; i++)
        {
            double error = Math.Abs(y[i] - expected[i]);
            if (!(error <= worst)) worst = error; // NaN is kept
        }

        return worst;
    }

    private static void Fill(float* to, int count, int seed)
    {
        for (int i = 0; i < count; i++) to[i] = (float)Math.Sin(seed * 10 + i * 1.7);
    }

    // Φ by its series; arguments here are a few units at most.
    private static double Phi(double x)
    {
        double term = x, sum = x;
        for (int i = 1; i < 100; i++) sum += term *= x * x / (2 * i + 1);
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
