using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    public override void Softmax(Tensor s, Tensor p) => Softmax(s, null, 1, null, 1, p);

    public override void SoftmaxBackward(Tensor p, Tensor dp, Tensor ds)
    {
        int n = p.Shape[^1];
        Rows(KernelNames.SoftmaxBackward, p.Length / n, p, dp, n, ds, p.Length / n);
    }

    public override void Attention(Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor y)
    {
        AttentionSizes s = new(qkv, heads, y.Shape[1]);
        if (OnMatrixUnits(s, qkv, y))
        {
            Attend(qkv, s, scale, bias, mask, y, null);
            return;
        }

        using Tensor parts = Split(qkv, s), p = Temporary(s.Scores, qkv.Type), output = Temporary(s.Output, qkv.Type);
        Probabilities(parts, s, scale, bias, mask, p);
        Multiply(s.OfQueries, s.Tokens, s.Pairs, p, false, s.Part(parts, 2), false, 1, output, false);
        Permute(output, [s.Batch, heads, s.Queries, s.HeadDim], [0, 2, 1, 3], y);
    }

    public override void AttentionBackward(
        Tensor qkv, int heads, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv, Tensor? dBias)
    {
        AttentionSizes s = new(qkv, heads, dy.Shape[1]);
        if (dBias is null && OnMatrixUnits(s, qkv, dy) && dqkv.Type == DataType.BFloat16)
        {
            AttendBackward(qkv, s, scale, bias, mask, dy, dqkv);
            return;
        }

        using Tensor parts = Split(qkv, s), p = Temporary(s.Scores, qkv.Type), dOutput = Temporary(s.Output, qkv.Type);
        using Tensor dScores = Temporary(s.Scores), dParts = Temporary(parts.Shape, dqkv.Type);
        using Tensor q = s.Part(parts, 0), k = s.Part(parts, 1), v = s.Part(parts, 2);
        using Tensor dq = s.Part(dParts, 0), dk = s.Part(dParts, 1), dv = s.Part(dParts, 2);
        Probabilities(parts, s, scale, bias, mask, p);
        Permute(dy, [s.Batch, s.Queries, heads, s.HeadDim], [0, 2, 1, 3], dOutput);
        Multiply(s.OfScores, s.HeadDim, s.Pairs, dOutput, false, v, true, 1, dScores, false);                     // dP = dO·Vᵀ
        Multiply(s.OfTokens, s.Queries, s.Pairs, p, true, dOutput, false, 1, dv, false);                          // dV = Pᵀ·dO
        SoftmaxBackward(p, dScores, dScores);
        if (dBias is not null) SumGroups(dScores, dBias);
        using Tensor ds = Typed(dScores, qkv.Type);
        if (s.Queries < s.Tokens) Fill(dq, 0);      // what asked nothing has none
        Multiply(s.OfQueries, s.Tokens, s.Pairs, ds, false, k, false, scale, dq, false, strideC: s.PerPair);      // dQ = dS·K
        Multiply(s.OfTokens, s.Queries, s.Pairs, ds, true, q, false, scale, dk, false, strideB: s.PerPair);       // dK = dSᵀ·Q
        Permute(dParts, [3, s.Batch, heads, s.Tokens, s.HeadDim], [1, 3, 0, 2, 4], dqkv);
    }

    public override void AttentionProbabilities(Tensor qkv, int heads, float scale, Tensor p)
    {
        AttentionSizes s = new(qkv, heads, qkv.Shape[1]);
        using Tensor parts = Split(qkv, s);
        Probabilities(parts, s, scale, null, null, p);
    }

    /// <summary>Whether the kernels of attention.cu take these: bf16, heads of 32 or 64 numbers, sixteen bytes at a time.</summary>
    private static bool OnMatrixUnits(AttentionSizes s, Tensor qkv, Tensor y) =>
        s.HeadDim is 32 or 64 && qkv.Type == DataType.BFloat16 && y.Type == DataType.BFloat16
        && (Argument.Address(qkv) | Argument.Address(y)) % sizeof(UInt128) == 0;

    private void Attend(Tensor qkv, AttentionSizes s, float scale, Tensor? bias, Tensor? mask, Tensor y, Tensor? logSums) =>
        Tiles(s.HeadDim == 32 ? Attention32 : Attention64, s, s.Queries,
        [
            Argument.Pointer(qkv), s.Tokens, s.Queries, s.Heads, scale, bias, mask, mask?.Shape[0] ?? 1, Argument.Pointer(y),
            logSums is null ? default : Argument.Pointer(logSums),
        ]);

    // Nothing of the forward pass was kept but qkv: its result and the logarithms of its sums are made once more, a fifth of the work.
    private void AttendBackward(Tensor qkv, AttentionSizes s, float scale, Tensor? bias, Tensor? mask, Tensor dy, Tensor dqkv)
    {
        bool small = s.HeadDim == 32;
        using Tensor y = Temporary(dy.Shape, dy.Type), logSums = Temporary(new Shape(s.Pairs, s.Queries));
        using Tensor products = Temporary(logSums.Shape);
        Attend(qkv, s, scale, bias, mask, y, logSums);
        Rows(small ? RowProducts32 : RowProducts64, logSums.Length, Argument.Pointer(y), Argument.Pointer(dy), s.Queries, s.Heads,
            Argument.Pointer(products), logSums.Length);
        ReadOnlySpan<Argument> arguments =
        [
            Argument.Pointer(qkv), Argument.Pointer(dy), Argument.Pointer(logSums), Argument.Pointer(products), s.Tokens, s.Queries,
            s.Heads, scale, bias, mask, mask?.Shape[0] ?? 1, Argument.Pointer(dqkv),
        ];
        Tiles(small ? AttentionKeys32 : AttentionKeys64, s, s.Tokens, arguments);
        Tiles(small ? AttentionQueries32 : AttentionQueries64, s, s.Tokens, arguments);
    }

    /// <summary>64 rows of a head of a sample a block of four warps.</summary>
    private void Tiles(KernelName kernel, AttentionSizes s, int rows, ReadOnlySpan<Argument> arguments) =>
        _context.Launch(kernel, s.Pairs, (rows + 63) / 64, arguments, threads: 128);

    /// <summary>Queries, keys and values of all heads as batches of matrices [3, B·h, N, D]. The caller disposes them.</summary>
    private Tensor Split(Tensor qkv, AttentionSizes s)
    {
        Tensor parts = Temporary(new Shape(3 * s.Pairs, s.Tokens, s.HeadDim), qkv.Type);
        Permute(qkv, [s.Batch, s.Tokens, 3, s.Heads, s.HeadDim], [2, 0, 3, 1, 4], parts);
        return parts;
    }

    /// <summary>p = softmax(scale·Q·Kᵀ + bias + mask), [B·h, queries, N].</summary>
    private void Probabilities(Tensor parts, AttentionSizes s, float scale, Tensor? bias, Tensor? mask, Tensor p)
    {
        using Tensor scores = Temporary(s.Scores), q = s.Part(parts, 0), k = s.Part(parts, 1);
        Multiply(s.OfScores, s.HeadDim, s.Pairs, q, false, k, true, scale, scores, false, strideA: s.PerPair);
        using Tensor shaped = p.View(s.Scores);
        Softmax(scores, bias, s.Heads, mask, mask?.Shape[0] ?? 1, shaped);
    }

    private void Softmax(Tensor s, Tensor? bias, int heads, Tensor? mask, int windows, Tensor p)
    {
        (int queries, int n) = (s.Shape.Rank == 1 ? 1 : s.Shape[^2], s.Shape[^1]);
        Rows(KernelNames.Softmax, s.Length / n, s, bias, heads, mask, windows, queries, n, p, s.Length / n);
    }

    /// <summary>The sizes of one call of attention; a pair is a head of a sample.</summary>
    private readonly record struct AttentionSizes(int Batch, int Heads, int Tokens, int Queries, int HeadDim)
    {
        public AttentionSizes(Tensor qkv, int heads, int queries)
            : this(qkv.Shape[0], heads, qkv.Shape[1], queries, qkv.Shape[2] / (3 * heads))
        {
        }

        public int Pairs => Batch * Heads;

        public long PerPair => (long)Tokens * HeadDim;

        public Shape Scores => new(Pairs, Queries, Tokens);

        public Shape Output => new(Pairs, Queries, HeadDim);

        public Shape OfScores => new(Queries, Tokens);

        public Shape OfQueries => new(Queries, HeadDim);

        public Shape OfTokens => new(Tokens, HeadDim);

        public Tensor Part(Tensor parts, int part) => parts.View(new Shape(Pairs, Tokens, HeadDim), part * Pairs * PerPair);
    }
}
