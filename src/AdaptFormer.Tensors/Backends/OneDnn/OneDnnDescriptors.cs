using AdaptFormer.Tensors.Backends.Cpu;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>Turns the layouts of a <see cref="MatMulKey"/> into oneDNN's, and a key into words.</summary>
internal static class OneDnnDescriptors
{
    /// <summary>
    /// A <paramref name="rows"/>×<paramref name="columns"/> operand, with a leading batch axis when <paramref name="batch"/> is
    /// above 1. A batch stride of 0 (one matrix for the whole batch) becomes a batch axis of 1, which oneDNN broadcasts.
    /// </summary>
    public static nint Describe(OneDnnApi api, int batch, long rows, long columns, Operand layout, string subject)
    {
        (long row, long column) = Strides(rows, columns, layout);
        if (batch == 1) return api.Describe(layout.Type, [rows, columns], [row, column], subject);
        return layout.BatchStride == 0
            ? api.Describe(layout.Type, [1, rows, columns], [Math.Max(rows * row, columns * column), row, column], subject)
            : api.Describe(layout.Type, [batch, rows, columns], [layout.BatchStride, row, column], subject);
    }

    /// <summary>The bias row [N] in f32; oneDNN wants as many axes as the product has.</summary>
    public static nint DescribeBias(OneDnnApi api, int batch, long n, string subject) => batch == 1
        ? api.Describe(DataType.Float32, [1, n], [n, 1], subject)
        : api.Describe(DataType.Float32, [1, 1, n], [n, n, 1], subject);

    /// <summary>Whether a matrix lies in one piece, by rows or by columns.</summary>
    public static bool IsDense(Operand layout, long rows, long columns)
    {
        (long row, long column) = Strides(rows, columns, layout);
        return (column == 1 && row == columns) || (row == 1 && column == rows);
    }

    /// <summary>A key as text for messages: <c>[197x768]·[768x3072] f32→f32 packed bias gelu</c>.</summary>
    public static string Text(in MatMulKey key)
    {
        string text = $"[{key.M}x{key.K}]·[{key.K}x{key.N}] {Text(key.A.Type)}·{Text(key.B.Type)}→{Text(key.C.Type)}";
        if (key.Batch != 1) text = $"{key.Batch} of {text}";
        text += key.PackedB ? " packed" : $" strides A {Text(key.A)} B {Text(key.B)} C {Text(key.C)}";
        if (key.Bias) text += " bias";
        if (key.Epilogue != Epilogue.None) text += $" {key.Epilogue}";
        if (key.Scale != 1) text += $" scale {key.Scale}";
        return key.Accumulate ? text + " accumulate" : text;
    }

    public static string Text(DataType type) => type == DataType.BFloat16 ? "bf16" : "f32";

    private static string Text(Operand o) => $"({o.BatchStride},{o.RowStride},{o.ColumnStride})";

    // The stride of an axis with one element means nothing, yet oneDNN refuses or runs slowly when it looks odd: give it the
    // value that a dense matrix would have.
    private static (long Row, long Column) Strides(long rows, long columns, Operand layout)
    {
        if (rows == 1) return columns == 1 || layout.ColumnStride == 1 ? (columns, 1) : (1, layout.ColumnStride);
        return columns == 1 ? (layout.RowStride, 1) : (layout.RowStride, layout.ColumnStride);
    }
}
