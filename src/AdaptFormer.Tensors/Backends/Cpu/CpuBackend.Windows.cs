using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
namespace AdaptFormer.Tensors.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    public override void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y)
    {
        WindowShape s = new(qkv, heads, windows);
        using Tensor bias = RelativeBiases(table, heads, windows);
        (MatMulPlan queriesTimesKeys, MatMulPlan timesValues) = (_matmul.Plan(s.QueriesTimesKeys), _matmul.Plan(s.TimesValues));
        CpuParallel.For(s.Batch * windows.Counts.Count * s.Groups, (item, worker) =>
        {
            (int sampleWindow, int group) = Math.DivRem(item, s.Groups);
            (int b, int window) = Math.DivRem(sampleWindow, windows.Counts.Count);
            WindowMemory m = new(worker, s, backward: false);
            ReadOnlySpan<int> tokens = windows.TokensOf(window);
            s.Slices(group, parts: 3).Gather(At(qkv, (long)b * s.GridTokens * 3 * s.Width), padding?.Pointer ?? 0, tokens, m.Qkv);
            Probabilities(queriesTimesKeys, worker, s, m, windows.MaskOfWindow(window), bias, group, scale);
            timesValues.Run(worker, m.P, m.Qkv + s.Values, 0, m.Output);
            s.Slices(group, parts: 1).Scatter(m.Output, tokens, At(y, (long)b * s.GridTokens * s.Width));
        });
    }

    public override void WindowAttentionProbabilities(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p)
    {
        WindowShape s = new(qkv, heads, windows);
        using Tensor bias = RelativeBiases(table, heads, windows);
        MatMulPlan queriesTimesKeys = _matmul.Plan(s.QueriesTimesKeys);
        long square = (long)s.Tokens * s.Tokens;
        CpuParallel.For(s.Batch * windows.Counts.Count * s.Groups, (item, worker) =>
        {
            (int sampleWindow, int group) = Math.DivRem(item, s.Groups);
            (int b, int window) = Math.DivRem(sampleWindow, windows.Counts.Count);
            WindowMemory m = new(worker, s, backward: false);
            s.Slices(group, parts: 3)
                .Gather(At(qkv, (long)b * s.GridTokens * 3 * s.Width), padding?.Pointer ?? 0, windows.TokensOf(window), m.Qkv);
            Probabilities(queriesTimesKeys, worker, s, m, windows.MaskOfWindow(window), bias, group, scale);
            for (int h = 0; h < s.GroupHeads; h++)
                Unpad(m.P + (nint)(h * s.ScoreFloats * s.Type.Size()), s.Type, s.Ld, s.Tokens,
                    p.Floats + ((((long)item * s.GroupHeads) + h) * square));
        });
    }

    public override void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable,
        Tensor? dPadding)
    {
        WindowShape s = new(qkv, heads, windows);
        int perSample = windows.Counts.Count, all = s.Batch * perSample;
        using Tensor bias = RelativeBiases(table, heads, windows);
        using Tensor zeros = Temporary(new Shape(checked((int)(s.Width))), s.Type);
        Fill(zeros, 0);
        MatMulPlan queriesTimesKeys = _matmul.Plan(s.QueriesTimesKeys), outputTimesValues = _matmul.Plan(s.OutputTimesValues);
        MatMulPlan transposedTimesOutput = _matmul.Plan(s.TransposedTimesOutput), scoresTimesKeys = _matmul.Plan(s.ScoresTimesKeys);
        MatMulPlan transposedTimesQueries = _matmul.Plan(s.TransposedTimesQueries);

        // Sums over windows are made in parts whose number follows from the shapes alone, each by one worker in order: the same bits for
        // any number of workers.
        int parts = dTable is null ? all : Math.Min(all, Math.Max(1, SumParts / s.Groups));
        long square = (long)s.Tokens * s.Tokens;
        using Tensor? dBias = dTable is null ? null : Temporary(new Shape(checked((int)(parts * heads * square))), DataType.Float32);
        using Tensor? dPads = dPadding is null ? null : Temporary(new Shape(checked((int)((long)all * 3 * s.Width))), DataType.Float32);
        if (dBias is not null) Fill(dBias, 0);
        if (dPads is not null) Fill(dPads, 0);
        CpuParallel.For(parts * s.Groups, (item, worker) =>
        {
            (int part, int group) = Math.DivRem(item, s.Groups);
            int first = (int)((long)all * part / parts), last = (int)((long)all * (part + 1) / parts);
            for (int sampleWindow = first; sampleWindow < last; sampleWindow++) Window(sampleWindow, group, part, worker);
        });
        if (dTable is not null)
        {
            CpuParallel.For(heads, (h, _) =>
            {
                for (int part = 0; part < parts; part++)
                    RelativeBias.Collect(dBias!.Floats + (((part * heads) + h) * square), windows.BiasWindow, s.Tokens, dTable.Floats,
                        heads, h);
            });
        }

        for (int i = 0; dPads is not null && i < all; i++)
            Elementwise.AddInto(dPadding!.Floats, At(dPads, (long)i * 3 * s.Width), DataType.Float32, 1, 3 * s.Width);

        void Window(int sampleWindow, int group, int part, Worker worker)
        {
            (int b, int window) = Math.DivRem(sampleWindow, perSample);
            WindowMemory m = new(worker, s, backward: true);
            ReadOnlySpan<int> tokens = windows.TokensOf(window);
            s.Slices(group, parts: 3).Gather(At(qkv, (long)b * s.GridTokens * 3 * s.Width), padding?.Pointer ?? 0, tokens, m.Qkv);
            s.Slices(group, parts: 1).Gather(At(dy, (long)b * s.GridTokens * s.Width), zeros.Pointer, tokens, m.Output);
            Probabilities(queriesTimesKeys, worker, s, m, windows.MaskOfWindow(window), bias, group, scale);
            outputTimesValues.Run(worker, m.Output, m.Qkv + s.Values, 0, (nint)m.DScores);                  // dP = dO·Vᵀ
            transposedTimesOutput.Run(worker, m.P, m.Output, 0, m.DQkv + s.Values);                         // dV = Pᵀ·dO
            ScoreGradients(s, m, scale, dBias is null ? null : dBias.Floats + (((part * heads) + (group * s.GroupHeads)) * square));
            scoresTimesKeys.Run(worker, m.Ds, m.Qkv + s.Keys, 0, m.DQkv);                                   // dQ = dS·K
            transposedTimesQueries.Run(worker, m.Ds, m.Qkv, 0, m.DQkv + s.Keys);                            // dK = dSᵀ·Q
            s.Slices(group, parts: 3).Scatter(m.DQkv, tokens, At(dqkv, (long)b * s.GridTokens * 3 * s.Width));
            if (dPads is not null) CollectPadding(s, m.DQkv, tokens, group, dPads.Floats + ((long)sampleWindow * 3 * s.Width));
        }
    }

    public override void MergePatches(Tensor x, TokenGrid grid, Tensor y) =>
        Neighbours(x.Shape, x.Type, grid, (token, place, bytes) => Unsafe.CopyBlockUnaligned((byte*)y.Pointer + place,
            (byte*)x.Pointer + token, bytes), (place, bytes) => NativeMemory.Clear((byte*)y.Pointer + place, bytes));

    public override void SplitPatches(Tensor dy, TokenGrid grid, Tensor dx) =>
        Neighbours(dx.Shape, dx.Type, grid, (token, place,
            bytes) => Unsafe.CopyBlockUnaligned((byte*)dx.Pointer + token, (byte*)dy.Pointer + place, bytes), static (_, _) => { });

    private const int SumParts = 8;

    /// <summary>
    /// P = softmax(scale·Q·Kᵀ + B + mask) of a group of heads, in the type of the activations; f32 ones lie where the scores were.
    /// </summary>
    private static void Probabilities(
        MatMulPlan queriesTimesKeys, Worker worker, in WindowShape s, in WindowMemory m, float[]? mask, Tensor bias, int group, float scale)
    {
        queriesTimesKeys.Run(worker, m.Qkv, m.Qkv + s.Keys, 0, (nint)m.Scores);
        long square = (long)s.Tokens * s.Tokens;
        for (int h = 0; h < s.GroupHeads; h++)
        {
            float* offset = bias.Floats + (((group * s.GroupHeads) + h) * square);
            if (mask is not null)
            {
                Elementwise.Add(offset, (float*)Marshal.UnsafeAddrOfPinnedArrayElement(mask, 0), m.Sum, square);
                offset = m.Sum;
            }

            nint p = m.P + (nint)(h * s.ScoreFloats * s.Type.Size());
            SoftmaxKernel.Forward(m.Scores + (h * s.ScoreFloats), s.Ld, s.Tokens, s.Tokens, scale, offset, s.Tokens, p, s.Type, s.Ld);
        }
    }

    /// <summary>
    /// dS = scale·P∘(dP − Σ dP∘P) of a group of heads; without the scale it is added to the bias's gradient, [heads, N, N].
    /// </summary>
    private static void ScoreGradients(in WindowShape s, in WindowMemory m, float scale, float* dBias)
    {
        for (int h = 0; h < s.GroupHeads; h++)
        {
            nint p = m.P + (nint)(h * s.ScoreFloats * s.Type.Size()), ds = m.Ds + (nint)(h * s.ScoreFloats * s.Type.Size());
            float* dp = m.DScores + (h * s.ScoreFloats);
            if (dBias == null)
            {
                SoftmaxKernel.Backward(p, s.Type, s.Ld, dp, s.Ld, s.Tokens, s.Tokens, scale, ds, s.Type, s.Ld);
                continue;
            }

            SoftmaxKernel.Backward(p, s.Type, s.Ld, dp, s.Ld, s.Tokens, s.Tokens, 1, (nint)dp, DataType.Float32, s.Ld);
            for (int i = 0; i < s.Tokens; i++)
            {
                nint row = (nint)(dp + ((long)i * s.Ld));
                Elementwise.AddInto(dBias + ((((long)h * s.Tokens) + i) * s.Tokens), row, DataType.Float32, 1, s.Tokens);
                Elementwise.Scale(row, DataType.Float32, scale, ds + (nint)((long)i * s.Ld * s.Type.Size()), s.Type, s.Tokens);
            }
        }
    }

    /// <summary>Adds the gradients of padding tokens to one row of 3·C.</summary>
    private static void CollectPadding(in WindowShape s, nint dqkv, ReadOnlySpan<int> tokens, int group, float* sum)
    {
        for (int r = 0; r < tokens.Length; r++)
        {
            if (tokens[r] >= 0) continue;
            for (int part = 0; part < 3; part++)
            {
                nint row = dqkv + (nint)(((r * 3) + part) * s.GroupWidth * s.Type.Size());
                Elementwise.AddInto(sum + (part * s.Width) + (group * s.GroupWidth), row, s.Type, 1, s.GroupWidth);
            }
        }
    }

    /// <summary>[heads, N, N].</summary>
    private Tensor RelativeBiases(Tensor table, int heads, WindowLayout windows)
    {
        int n = windows.Window.Count;
        Tensor bias = Temporary(new Shape(checked((int)((long)heads * n * n))), DataType.Float32);
        CpuParallel.For(heads,
            (h, _) => RelativeBias.Expand(table.Floats, heads, h, windows.BiasWindow, n, bias.Floats + ((long)h * n * n)));
        return bias;
    }

    /// <summary>Pairs each token's bytes with their place among the merged ones; places without a token are told apart.</summary>
    private static void Neighbours(Shape tokens, DataType type, TokenGrid grid, Action<long, long, uint> pair, Action<long, uint> empty)
    {
        TokenGrid merged = grid.Merged;
        uint bytes = (uint)(tokens[2] * type.Size());
        CpuParallel.For(tokens[0] * grid.T * merged.H, (item, _) =>
        {
            (int frame, int row) = Math.DivRem(item, merged.H);
            for (int column = 0; column < merged.W; column++)
            {
                for (int part = 0; part < 4; part++)
                {
                    (int h, int w) = ((2 * row) + (part & 1), (2 * column) + (part >> 1));
                    long place = ((((((long)frame * merged.H) + row) * merged.W) + column) * 4 + part) * bytes;
                    if (h < grid.H && w < grid.W) pair(((((long)frame * grid.H) + h) * grid.W + w) * bytes, place, bytes);
                    else empty(place, bytes);
                }
            }
        });
    }
}
