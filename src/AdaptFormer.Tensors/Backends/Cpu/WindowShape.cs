namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>
/// Sizes and products of attention in one window for a group of heads, whose queries, keys and values lie in dense rows [N, 3, group's
/// width]. A group is as many heads as keep
/// their scores in the first-level cache, so that one product of a library serves several small matrices.
/// </summary>
internal readonly struct WindowShape
{
    private const int CachedScores = 12 << 10;

    public WindowShape(Tensor qkv, int heads, WindowLayout windows)
    {
        (Batch, GridTokens, Width, Type, Tokens) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3, qkv.Type, windows.Window.Count);
        Ld = (Tokens + 15) / 16 * 16;
        ScoreFloats = (long)Tokens * Ld;
        GroupHeads = Math.Clamp((int)(CachedScores / ScoreFloats), 1, heads);
        while (heads % GroupHeads != 0) GroupHeads--;
        (Groups, int headDim) = (heads / GroupHeads, Width / heads);
        GroupWidth = GroupHeads * headDim;

        Operand rows = new(Type, 3 * GroupWidth, 1, headDim), columns = new(Type, 1, 3 * GroupWidth, headDim), scores =
            new(DataType.Float32, Ld, 1, ScoreFloats);
        Operand p = new(Type, Ld, 1, ScoreFloats), pT = new(Type, 1, Ld, ScoreFloats), output = new(Type, GroupWidth, 1, headDim);
        QueriesTimesKeys = new MatMulKey(GroupHeads, Tokens, Tokens, headDim, rows, columns, scores);
        TimesValues = new MatMulKey(GroupHeads, Tokens, headDim, Tokens, p, rows, output);
        OutputTimesValues = new MatMulKey(GroupHeads, Tokens, Tokens, headDim, output, columns, scores);
        TransposedTimesOutput = new MatMulKey(GroupHeads, Tokens, headDim, Tokens, pT, output, rows);
        ScoresTimesKeys = new MatMulKey(GroupHeads, Tokens, headDim, Tokens, p, rows, rows);
        TransposedTimesQueries = new MatMulKey(GroupHeads, Tokens, headDim, Tokens, pT, rows, rows);
    }

    public int Batch { get; }

    /// <summary>Tokens of an image.</summary>
    public int GridTokens { get; }

    /// <summary>Tokens of a window, N.</summary>
    public int Tokens { get; }

    /// <summary>C.</summary>
    public int Width { get; }

    public DataType Type { get; }

    /// <summary>Floats from one row of scores to the next: whole cache lines.</summary>
    public int Ld { get; }

    public long ScoreFloats { get; }

    public int GroupHeads { get; }

    public int Groups { get; }

    /// <summary>Features of a group of heads.</summary>
    public int GroupWidth { get; }

    public MatMulKey QueriesTimesKeys { get; }

    public MatMulKey TimesValues { get; }

    public MatMulKey OutputTimesValues { get; }

    public MatMulKey TransposedTimesOutput { get; }

    public MatMulKey ScoresTimesKeys { get; }

    public MatMulKey TransposedTimesQueries { get; }

    /// <summary>Bytes from a window's queries to its keys.</summary>
    public nint Keys => GroupWidth * Type.Size();

    /// <summary>Bytes from a window's queries to its values.</summary>
    public nint Values => 2 * Keys;

    /// <summary>Where a group's features lie in a token's row.</summary>
    public WindowRows Slices(int group, int parts) =>
        new((long)parts * Width * Type.Size(), (long)Width * Type.Size(), parts, group * GroupWidth * Type.Size(),
            GroupWidth * Type.Size());
}

/// <summary>A worker's memory for one window.</summary>
internal readonly unsafe struct WindowMemory
{
    public WindowMemory(Worker worker, in WindowShape s, bool backward)
    {
        nuint scores = Whole(s.GroupHeads * s.ScoreFloats * sizeof(float)), typed = s.Type == DataType.Float32
            ? 0 : Whole(s.GroupHeads * s.ScoreFloats * s.Type.Size());
        nuint rows = Whole((long)s.Tokens * s.GroupWidth * s.Type.Size()), sum = Whole((long)s.Tokens * s.Tokens * sizeof(float));
        byte* at = worker.Workspace((scores + typed) * (backward ? 2u : 1u) + (rows * (backward ? 7u : 4u)) + sum);
        Scores = (float*)Take(scores);
        P = typed == 0 ? (nint)Scores : Take(typed);
        Qkv = Take(3 * rows);
        Output = Take(rows);
        Sum = (float*)Take(sum);
        if (!backward) return;
        DQkv = Take(3 * rows);
        DScores = (float*)Take(scores);
        Ds = typed == 0 ? (nint)DScores : Take(typed);

        nint Take(nuint bytes)
        {
            byte* taken = at;
            at += bytes;
            return (nint)taken;
        }
    }

    /// <summary>[heads, N, ld].</summary>
    public float* Scores { get; }

    /// <summary>[heads, N, ld], in the type of the activations.</summary>
    public nint P { get; }

    /// <summary>[N, 3, width].</summary>
    public nint Qkv { get; }

    /// <summary>The output or its gradient, [N, width].</summary>
    public nint Output { get; }

    /// <summary>A bias with a mask, [N, N].</summary>
    public float* Sum { get; }

    /// <summary>[N, 3, width].</summary>
    public nint DQkv { get; }

    /// <summary>[heads, N, ld].</summary>
    public float* DScores { get; }

    /// <summary>[heads, N, ld], in the type of the activations.</summary>
    public nint Ds { get; }

    private static nuint Whole(long bytes) => (nuint)((bytes + 63) / 64 * 64);
}
