namespace AdaptFormer.Tensors;

/// <summary>Losses and their gradients by the logits, in double: a batch has few logits, and saturated ones need the digits.</summary>
internal static unsafe class LossKernel
{
    /// <summary>
    /// Returns −Σ tₖ·log pₖ, p = softmax(z), and writes its gradient p·Σt − t. A row of zero targets counts for nothing
    /// whatever its logits.
    /// </summary>
    public static float SoftmaxCrossEntropy(float* z, float* t, int k, float* gradient)
    {
        double mass = 0, loss = 0;
        for (int j = 0; j < k; j++) mass += t[j];
        if (mass == 0)
        {
            new Span<float>(gradient, k).Clear();
            return 0;
        }

        double logSum = LogSumExp(z, k);
        for (int j = 0; j < k; j++)
        {
            double logP = z[j] - logSum;
            if (t[j] != 0) loss -= t[j] * logP;
            gradient[j] = (float)((mass * Math.Exp(logP)) - t[j]);
        }

        return (float)loss;
    }

    /// <summary>
    /// −t·log σ(z) − (1 − t)·log(1 − σ(z)) as max(z, 0) − z·t + log(1 + e^−|z|), which never overflows; its gradient is
    /// σ(z) − t.
    /// </summary>
    public static void BinaryCrossEntropy(float* z, float* t, long n, float* losses, float* gradient)
    {
        for (long i = 0; i < n; i++)
        {
            double x = z[i], decay = Math.Exp(-Math.Abs(x));
            losses[i] = (float)(Math.Max(x, 0) - (x * t[i]) + Math.Log(1 + decay));
            gradient[i] = (float)(Sigmoid(x) - t[i]);
        }
    }

    /// <summary>−w·(t·log p + (1 − t)·log q) with its gradient; see <c>AsymmetricLossOp</c> for p, q and w.</summary>
    public static void Asymmetric(float* z, float* t, long n, AsymmetricLossSettings settings, float* losses, float* gradient)
    {
        for (long i = 0; i < n; i++)
        {
            double y = t[i], p = Sigmoid(z[i]), dp = p * Sigmoid(-z[i]);
            double q = Sigmoid(-z[i]) + settings.Clip, dq = -dp;
            if (q > 1) (q, dq) = (1, 0);                                                // an easy negative: clipped, no gradient

            double logP = Math.Log(Math.Max(p, settings.Eps)), dLogP = p >= settings.Eps ? dp / p : 0;
            double logQ = Math.Log(Math.Max(q, settings.Eps)), dLogQ = q >= settings.Eps ? dq / q : 0;
            double log = (y * logP) + ((1 - y) * logQ), dLog = (y * dLogP) + ((1 - y) * dLogQ);

            double miss = 1 - ((y * p) + ((1 - y) * q)), dMiss = -((y * dp) + ((1 - y) * dq));
            double gamma = (settings.GammaPositive * y) + (settings.GammaNegative * (1 - y));
            double weight = Math.Pow(miss, gamma);
            double dWeight = settings.FocalGradient && miss > 0 ? gamma * Math.Pow(miss, gamma - 1) * dMiss : 0;
            losses[i] = (float)(-weight * log);
            gradient[i] = (float)(-((weight * dLog) + (dWeight * log)));
        }
    }

    /// <summary>Returns −Σ sₖ·wₖ·log pₖ and writes its gradient; see <c>AsymmetricSingleLabelLossOp</c> for s and w.</summary>
    public static float AsymmetricSingleLabel(
        float* z, int k, int label, double gammaPositive, double gammaNegative, double smoothing, float* gradient)
    {
        double logSum = LogSumExp(z, k), loss = 0, total = 0;
        for (int j = 0; j < k; j++) total += Term(j).Gradient;
        for (int j = 0; j < k; j++)
        {
            double logP = z[j] - logSum;
            (double share, double h) = Term(j);
            loss += share;
            // dL/dz_j = h_j − p_j·Σh, h = dL/d log p = −s·(w + log p·p·dw/dp)
            gradient[j] = (float)(h - (Math.Exp(logP) * total));
        }

        return (float)loss;

        (double Loss, double Gradient) Term(int j)
        {
            double logP = z[j] - logSum, p = Math.Exp(logP), target = smoothing / k;
            double gamma = gammaNegative, rest = p, direction = 1;                      // w = p^γ₋
            // w = (1 − p)^γ₊
            if (j == label) (target, gamma, rest, direction) = (target + 1 - smoothing, gammaPositive, 1 - p, -1);
            double weight = Math.Pow(rest, gamma), slope = rest > 0 ? gamma * Math.Pow(rest, gamma - 1) * direction : 0;
            return (-target * weight * logP, -target * (weight + (logP * p * slope)));
        }
    }

    private static double LogSumExp(float* z, int k)
    {
        float max = float.NegativeInfinity;
        for (int j = 0; j < k; j++) max = Math.Max(max, z[j]);
        double sum = 0;
        for (int j = 0; j < k; j++) sum += Math.Exp((double)z[j] - max);
        return max + Math.Log(sum);
    }

    private static double Sigmoid(double x)
    {
        double decay = Math.Exp(-Math.Abs(x));
        return x >= 0 ? 1 / (1 + decay) : decay / (1 + decay);
    }
}
