namespace AdaptFormer.Tensors;

/// <summary>How tokens lie in space and time: T×H×W of them in row-major order, columns innermost; T is 1 for a picture.</summary>
/// <param name="T">Along time.</param>
/// <param name="H">Rows.</param>
/// <param name="W">Columns.</param>
public readonly record struct TokenGrid(int T, int H, int W)
{
    /// <summary>T·H·W.</summary>
    public int Count => T * H * W;

    /// <summary>The grid after one patch merging: half the rows and columns, rounded up.</summary>
    public TokenGrid Merged => new(T, (H + 1) / 2, (W + 1) / 2);

    /// <summary>For example <c>8x7x7</c>, or <c>7x7</c> for a picture.</summary>
    public override string ToString() => T == 1 ? $"{H}x{W}" : $"{T}x{H}x{W}";
}
