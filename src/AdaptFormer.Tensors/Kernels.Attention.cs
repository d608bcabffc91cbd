using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

public abstract partial class Kernels
{
    /// <summary>Multi-head attention from a fused projection, for as many tokens as y has; see <c>AttentionOp</c>.</summary>
    public virtual void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y)
    {
        using HeadParts s = new(this, qkv, heads, y.Shape[1]);
        using Tensor p = Temporary(s.ScoreShape, qkv.Type), output = Temporary(s.OutputShape, qkv.Type);
        Probabilities(s, scale, bias, mask, p);
        MatMul(p, false, s.Values, false, 1, output, false);
        Permute(output, [s.Batch, heads, s.Queries, s.HeadDim], [0, 2, 1, 3], y);
    }

    /// <summary>dqkv of <see cref="AttentionCall"/>, adding to dbias when given.</summary>
    public virtual void AttentionBackward(
        Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias)
    {
        using HeadParts s = new(this, qkv, heads, dy.Shape[1]);
        using Tensor p = Temporary(s.ScoreShape, qkv.Type), dOutput = Temporary(s.OutputShape, qkv.Type);
        using Tensor dScores = Temporary(s.ScoreShape), parts = Temporary(s.PartsShape, dqkv.Type);
        using Tensor dAsking = Temporary(s.OutputShape, dqkv.Type);
        Probabilities(s, scale, bias, mask, p);
        Permute(dy, [s.Batch, s.Queries, heads, s.HeadDim], [0, 2, 1, 3], dOutput);
        using Tensor dQueries = s.Part(parts, 0), dKeys = s.Part(parts, 1), dValues = s.Part(parts, 2);
        MatMul(dOutput, false, s.Values, true, 1, dScores, false);                        // dP = dO·Vᵀ
        MatMul(p, true, dOutput, false, 1, dValues, false);                               // dV = Pᵀ·dO
        SoftmaxBackward(p, dScores, dScores);
        if (dBias is not null) SumGroups(dScores, dBias);
        using Tensor ds = Typed(dScores, qkv.Type);
        MatMul(ds, false, s.Keys, false, scale, dAsking, false);                          // dQ = dS·K
        MatMul(ds, true, s.Asking, false, scale, dKeys, false);                           // dK = dSᵀ·Q
        Fill(dQueries, 0);                                                                // tokens that asked nothing have none
        CopyTokens(dAsking, 0, dQueries, 0, s.Queries, false);
        Permute(parts, [3, s.Batch, heads, s.Tokens, s.HeadDim], [1, 3, 0, 2, 4], dqkv);
    }

    /// <summary>p [B, h, N, N], f32: the softmax inside <see cref="AttentionCall"/>.</summary>
    public virtual void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p)
    {
        using HeadParts s = new(this, qkv, heads, qkv.Shape[1]);
        Probabilities(s, scale, null, null, p);
    }

    /// <summary>P = softmax(scale·Q·Kᵀ + bias + mask) [B·h, queries, N].</summary>
    private void Probabilities(HeadParts s, float scale, Tensor? bias, Tensor? mask, Tensor p)
    {
        using Tensor scores = Temporary(s.ScoreShape);
        MatMul(s.Asking, false, s.Keys, true, scale, scores, false);
        if (bias is not null) AddBroadcast(scores, bias, scores);
        if (mask is not null)
        {
            using Tensor byHead = s.ByHead(mask);
            AddBroadcast(scores, byHead, scores);
        }

        Softmax(scores, p);
    }

    /// <summary>Queries, keys and values of all heads as batches of matrices [B·h, N, D], from qkv [B, N, 3·h·D].</summary>
    private sealed class HeadParts : IDisposable
    {
        private readonly Kernels _on;
        private readonly int _heads;
        private readonly Tensor _parts;

        public HeadParts(Kernels on, Tensor qkv, int heads, int queries)
        {
            (_on, _heads, Batch, Tokens, Queries, HeadDim) = (on, heads, qkv.Shape[0], qkv.Shape[1], queries, qkv.Shape[2] / (3 * heads));
            _parts = on.Temporary(PartsShape, qkv.Type);
            on.Permute(qkv, [Batch, Tokens, 3, heads, HeadDim], [2, 0, 3, 1, 4], _parts);
            (Keys, Values, Asking) = (Part(_parts, 1), Part(_parts, 2), on.Temporary(OutputShape, qkv.Type));
            using Tensor all = Part(_parts, 0);
            on.CopyTokens(all, 0, Asking, 0, queries, false);
        }

        public int Batch { get; }

        public int Tokens { get; }

        /// <summary>Tokens that ask: the first ones.</summary>
        public int Queries { get; }

        public int HeadDim { get; }

        public Shape PartsShape => new(3 * Batch * _heads, Tokens, HeadDim);

        public Shape OutputShape => new(Batch * _heads, Queries, HeadDim);

        public Shape ScoreShape => new(Batch * _heads, Queries, Tokens);

        public Tensor Keys { get; }

        public Tensor Values { get; }

        public Tensor Asking { get; }

        public Tensor Part(Tensor parts, int part)
        {
            Shape shape = new(Batch * _heads, Tokens, HeadDim);
            return parts.View(shape, part * shape.Length);
        }

        /// <summary>A mask [W, N, N] for every head: [W, h, N, N].</summary>
        public Tensor ByHead(Tensor mask)
        {
            Shape square = new(Tokens, Tokens);
            Tensor all = _on.Temporary(new Shape(mask.Shape[0], _heads, Tokens, Tokens));
            for (int i = 0; i < mask.Shape[0] * _heads; i++)
            {
                using Tensor from = mask.View(square, i / _heads * square.Length), to = all.View(square, i * square.Length);
                _on.Copy(from, to);
            }

            return all;
        }

        public void Dispose()
        {
            Keys.Dispose();
            Values.Dispose();
            Asking.Dispose();
            _parts.Dispose();
        }
    }
}
