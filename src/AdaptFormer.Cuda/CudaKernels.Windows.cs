using System.Runtime.CompilerServices;
using AdaptFormer.Tensors;
using static AdaptFormer.Cuda.KernelNames;

namespace AdaptFormer.Cuda;

internal sealed unsafe partial class CudaKernels
{
    private readonly ConditionalWeakTable<WindowLayout, WindowTables> _windows = [];

    public override void WindowAttention(Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor y)
    {
        WindowTables tables = TablesOf(windows);
        using Tensor rows = Cut(qkv, tables, padding), bias = BiasOf(table, heads, tables);
        using Tensor output = Temporary(rows.Shape.WithLast(rows.Shape[2] / 3), y.Type);
        Attention(rows, heads, scale, bias, tables.Masks, output);
        Join(output, tables, y);
    }

    public override void WindowAttentionBackward(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor dy, Tensor dqkv, Tensor? dTable,
        Tensor? dPadding)
    {
        WindowTables tables = TablesOf(windows);
        using Tensor rows = Cut(qkv, tables, padding), dOutput = Cut(dy, tables, null), dRows = Temporary(rows.Shape, dqkv.Type);
        using Tensor bias = BiasOf(table, heads, tables), dBias = Temporary(bias.Shape);
        Fill(dBias, 0);
        AttentionBackward(rows, heads, scale, bias, tables.Masks, dOutput, dRows, dTable is null ? null : dBias);
        Join(dRows, tables, dqkv);
        if (dTable is not null)
            Each(RelativeBiasBackward, dTable.Length, dBias, Argument.Pointer(tables.PairStarts), Argument.Pointer(tables.PairOrder),
                tables.Pairs,
                heads, dTable, dTable.Length);
        if (dPadding is null || tables.Padded is not { } padded) return;
        int c = qkv.Shape[2];
        using Tensor outside = Temporary(new Shape(qkv.Shape[0], padded.Shape[0], c), dRows.Type);
        Each(KernelNames.IntoWindows, outside.Length, dRows, (long)tables.Count, Argument.Pointer(padded), padded.Shape[0],
            default(Argument), c,
            outside, outside.Length);
        LinearBackwardBias(outside, 1, dPadding);
    }

    public override void WindowAttentionProbabilities(
        Tensor qkv, int heads, float scale, WindowLayout windows, Tensor table, Tensor? padding, Tensor p)
    {
        WindowTables tables = TablesOf(windows);
        using Tensor rows = Cut(qkv, tables, padding), bias = BiasOf(table, heads, tables);
        AttentionSizes s = new(rows, heads, rows.Shape[1]);
        using Tensor parts = Split(rows, s);
        Probabilities(parts, s, scale, bias, tables.Masks, p);
    }

    private WindowTables TablesOf(WindowLayout windows) => _windows.GetValue(windows, layout => new WindowTables(this, layout));

    /// <summary>
    /// The tokens of x [B, N, C] window by window, [B·windows, n, C]; padding tokens are <paramref name="padding"/>, or zeros.
    /// </summary>
    private Tensor Cut(Tensor x, WindowTables tables, Tensor? padding)
    {
        (int batch, int c) = (x.Shape[0], x.Shape[2]);
        Tensor rows = Temporary(new Shape(batch * tables.Windows, tables.Count / tables.Windows, c), x.Type);
        Each(KernelNames.IntoWindows, rows.Length, x, (long)x.Shape[1], Argument.Pointer(tables.Tokens), tables.Count, padding, c, rows,
            rows.Length);
        return rows;
    }

    private void Join(Tensor rows, WindowTables tables, Tensor y) => Each(KernelNames.IntoWindows, y.Length,
        rows, (long)tables.Count, Argument.Pointer(tables.Places), y.Shape[1], default(Argument), y.Shape[2], y, y.Length);

    private Tensor BiasOf(Tensor table, int heads, WindowTables tables)
    {
        int n = tables.Count / tables.Windows;
        Tensor bias = Temporary(new Shape(heads, n, n));
        Each(KernelNames.RelativeBias, bias.Length, table, Argument.Pointer(tables.PairRows), tables.Pairs, heads, bias, bias.Length);
        return bias;
    }

    /// <summary>What a layout of windows is on the card: made once, and gone with it.</summary>
    private sealed class WindowTables : IDisposable
    {
        public WindowTables(CudaKernels on, WindowLayout layout)
        {
            (Windows, int n) = (layout.Counts.Count, layout.Window.Count);
            int[] tokens = layout.Tokens(), places = new int[layout.Size.Count], rows = layout.TableRowsOfPairs();
            for (int i = 0; i < tokens.Length; i++)
            {
                if (tokens[i] >= 0) places[tokens[i]] = i;
            }

            int[] padded = [.. Enumerable.Range(0, tokens.Length).Where(i => tokens[i] < 0)];
            (int[] starts, int[] order) = ByPlace(rows, layout.TableRows);
            (Count, Pairs) = (tokens.Length, rows.Length);
            (Tokens, Places, PairRows) = (on.Upload(tokens), on.Upload(places), on.Upload(rows));
            (PairStarts, PairOrder, Padded) = (on.Upload(starts), on.Upload(order), padded.Length == 0 ? null : on.Upload(padded));
            if (Enumerable.Range(0, Windows).All(window => layout.MaskOfWindow(window) is null)) return;
            float[] masks = new float[Windows * n * n];
            for (int window = 0; window < Windows; window++) layout.MaskOfWindow(window)?.CopyTo(masks.AsSpan(window * n * n));
            Masks = on.FromHost(masks, new Shape(Windows, n, n));
        }

        public int Windows { get; }

        /// <summary>Tokens of all windows of a sample, padding included.</summary>
        public int Count { get; }

        /// <summary>Pairs of a window's tokens.</summary>
        public int Pairs { get; }

        public Tensor Tokens { get; }

        public Tensor Places { get; }

        public Tensor PairRows { get; }

        public Tensor PairStarts { get; }

        public Tensor PairOrder { get; }

        /// <summary>Places of padding; null if there is none.</summary>
        public Tensor? Padded { get; }

        /// <summary>[windows, n, n]; null where every token sees every other.</summary>
        public Tensor? Masks { get; }

        public void Dispose()
        {
            foreach (Tensor? table in (Tensor?[])[Tokens, Places, PairRows, PairStarts, PairOrder, Padded, Masks]) table?.Dispose();
        }
    }
}
