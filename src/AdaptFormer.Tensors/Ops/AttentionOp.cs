using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors.Ops;

/// <summary>
/// Multi-head self-attention, y = softmax(s·Q·Kᵀ + bias + mask)·V, reading Q, K and V in place from the fused projection.
/// </summary>
public static class AttentionOp
{
    extension(Tensor qkv)
    {
        /// <summary>Attention of every image (or window) of the batch over its own tokens.</summary>
        /// <param name="heads">h; divides C.</param>
        /// <param name="scale">s; 1/√D for head size D if null.</param>
        /// <param name="bias">Added to the scores of each head, [h, N, N] (Swin's relative positions); may train; none if null.</param>
        /// <param name="mask">Added to the scores of window b mod W, [W, N, N] (Swin's shifted windows); constant; none if null.</param>
        /// <param name="queries">How many tokens, from the first on, ask; all if null. Where only the class token is read afterwards, the
        /// others need no answer.</param>
        /// <returns>[B, queries, C].</returns>
        /// <remarks>qkv is [B, N, 3·C], the columns of Q, K, V one after another and the heads of each side by side. The backward pass
        /// keeps qkv alone and makes the softmax again.</remarks>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor Attention(int heads, float? scale = null, Tensor? bias = null, Tensor? mask = null, int? queries = null)
        {
            Check("Attention", qkv, heads);
            (int b, int n, int c) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
            if (bias is not null && bias.Shape != new Shape(heads, n, n))
                Throw.Shape("Attention", $"bias must be [{heads}, N, N]", ("qkv", qkv), ("bias", bias));
            if (mask is not null && (mask.Shape.Rank != 3 || mask.Shape[1] != n || mask.Shape[2] != n || b % mask.Shape[0] != 0))
                Throw.Shape("Attention", "mask must be [W, N, N] with W dividing the batch", ("qkv", qkv), ("mask", mask));

            int asking = queries ?? n;
            if (asking < 1 || asking > n || (asking < n && (bias ?? mask) is not null))
                Throw.Shape("Attention", $"{asking} queries must be between 1 and N, and all N with a bias or mask", ("qkv", qkv));

            float s = scale ?? 1 / MathF.Sqrt((float)c / heads);
            Tensor y = qkv.NewEmpty(new Shape(b, asking, c), qkv.Type);
            new AttentionCall(qkv, heads, s, bias, mask, y).Run();
            return y.Record([qkv, bias], keep: [qkv, bias, mask], dy =>
            {
                Tensor? dBias = bias is { NeedsGrad: true } ? qkv.NewZeros(heads, n, n) : null;
                Tensor dqkv = qkv.NewEmpty(qkv.Shape, qkv.Type);
                new AttentionBackwardCall(qkv, heads, s, bias, mask, dy.As(qkv.Type), dqkv, dBias).Run();
                if (qkv.NeedsGrad) qkv.AddGrad(dqkv);
                if (dBias is not null) bias!.AddGrad(dBias);
            });
        }

        /// <summary>
        /// The weights inside <see cref="Attention"/>, P = softmax(s·Q·Kᵀ): how much each token reads of each other. For looking at; no
        /// gradient passes through.
        /// </summary>
        /// <param name="heads">h; divides C.</param>
        /// <param name="scale">s; 1/√D for head size D if null.</param>
        /// <returns>[B, h, N, N], f32: rows are the tokens that ask, and sum to 1.</returns>
        /// <exception cref="ArgumentException">A shape does not fit.</exception>
        public Tensor AttentionProbabilities(int heads, float? scale = null)
        {
            Check("AttentionProbabilities", qkv, heads);
            (int b, int n, int c) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
            Tensor p = qkv.NewEmpty(new Shape(b, heads, n, n));
            new AttentionProbabilitiesCall(qkv, heads, scale ?? 1 / MathF.Sqrt((float)c / heads), p).Run();
            return p;
        }
    }

    private static void Check(string op, Tensor qkv, int heads)
    {
        if (qkv.Shape.Rank != 3 || heads <= 0 || qkv.Shape[2] % (3 * heads) != 0)
            Throw.Shape(op, $"qkv must be [B, N, 3·C] with C a multiple of {heads} heads", ("qkv", qkv));
    }
}
