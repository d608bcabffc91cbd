using System.Runtime.InteropServices;
using AdaptFormer.Files;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Export;

// Attention over all tokens, and inside windows.
internal sealed partial class Tracer
{
    private Traced Attention(AttentionCall c)
    {
        string? bias = c.Bias is null ? null : Constant(c.Bias, "/bias");
        string? mask = c.Mask is null ? null : Constant(c.Mask, "/mask");
        return Node(c.Y, () =>
            Attention(Read(c.Qkv), c.Heads, c.Scale, c.Qkv.Shape[1], c.Y.Shape[2], c.Y.Shape[1], bias, mask, c.Mask?.Shape[0] ?? 1));
    }

    /// <summary>softmax(scale·Q·Kᵀ + bias + mask)·V of every head, joined.</summary>
    /// <param name="qkv">[B, N, 3·C].</param>
    /// <param name="heads">h.</param>
    /// <param name="scale">Factor on the products.</param>
    /// <param name="tokens">N.</param>
    /// <param name="width">C.</param>
    /// <param name="queries">How many of the first tokens ask.</param>
    /// <param name="bias">[h, N, N]; none if null.</param>
    /// <param name="mask">[W, N, N], one for each of W samples that lie one behind the other; none if null.</param>
    /// <param name="windows">W.</param>
    private string Attention(
        string qkv, int heads, float scale, int tokens, int width, int queries, string? bias, string? mask, int windows)
    {
        long head = width / heads;
        string parts = Op("Reshape", qkv, _graph.Numbers(-1, tokens, 3, heads, head));
        parts = _graph.Node("Transpose", [parts], new OnnxAttribute("perm", 2L, 0L, 3L, 1L, 4L));                  // [3, B, h, N, D]
        string q = Part(0), k = _graph.Node("Transpose", [Part(1)], new OnnxAttribute("perm", 0L, 1L, 3L, 2L)), v = Part(2);
        if (queries < tokens) q = Op("Slice", q, _graph.Numbers(0), _graph.Numbers(queries), _graph.Numbers(2));
        string scores = Op("MatMul", Op("Mul", q, _graph.Scalar(scale)), k);                                       // [B, h, Q, N]
        if (bias is not null) scores = Op("Add", scores, bias);
        if (mask is not null)
        {
            scores = Op("Reshape", scores, _graph.Numbers(-1, windows, heads, tokens, tokens));
            scores = Op("Add", scores, Op("Unsqueeze", mask, _graph.Numbers(1)));
            scores = Op("Reshape", scores, _graph.Numbers(-1, heads, tokens, tokens));
        }

        string answers = Op("MatMul", _graph.Node("Softmax", [scores], new OnnxAttribute("axis", -1L)), v);        // [B, h, Q, D]
        answers = _graph.Node("Transpose", [answers], new OnnxAttribute("perm", 0L, 2L, 1L, 3L));
        return Op("Reshape", answers, _graph.Numbers(-1, queries, width));

        string Part(long part) => _graph.Node("Gather", [parts, Index(part)], new OnnxAttribute("axis", 0L));
    }

    private string Index(long index) => _graph.Constant("/index", OnnxElement.Int64, BitConverter.GetBytes(index));

    private Traced WindowAttention(WindowAttentionCall c)
    {
        (WindowLayout windows, int tokens) = (c.Windows, c.Qkv.Shape[1]);
        (int n, int count, int width) = (windows.Window.Count, windows.Counts.Count, c.Y.Shape[2]);
        int[] places = windows.Tokens();
        string scope = _graph.Scope;
        return Node(c.Y, () =>
        {
            string x = Read(c.Qkv);
            if (c.Padding is { } padding && Array.Exists(places, place => place < 0)) x = WithRow(x, Numbers(padding));
            string rows = Picked(x, [.. places.Select(place => place < 0 ? tokens : place)]);
            rows = Op("Reshape", rows, _graph.Numbers(-1, n, 3L * width));                                         // [B·W, n, 3·C]
            rows = Attention(rows, c.Heads, c.Scale, n, width, n, RelativeBias(c), Masks(windows, scope), count);
            int[] back = new int[tokens];
            for (int i = 0; i < places.Length; i++)
            {
                if (places[i] >= 0) back[places[i]] = i;
            }

            return Picked(Op("Reshape", rows, _graph.Numbers(-1, (long)count * n, width)), back);
        });
    }

    /// <summary>[h, n, n] from the table [rows, h], which keeps its name and its shape.</summary>
    private string RelativeBias(WindowAttentionCall c)
    {
        long[] rows = [.. c.Windows.TableRowsOfPairs()];
        int n = c.Windows.Window.Count;
        string places = _graph.Constant("/places", OnnxElement.Int64, MemoryMarshal.AsBytes<long>(rows), rows.Length);
        string pairs = _graph.Node("Gather", [Constant(c.Table, "/table"), places], new OnnxAttribute("axis", 0L));
        string heads = _graph.Node("Transpose", [pairs], new OnnxAttribute("perm", 1L, 0L));
        return Op("Reshape", heads, _graph.Numbers(c.Heads, n, n));
    }

    /// <summary>[W, n, n]; null where no window holds tokens from both ends of the grid.</summary>
    private string? Masks(WindowLayout windows, string scope)
    {
        (int n, int count) = (windows.Window.Count, windows.Counts.Count);
        float[] all = new float[count * n * n];
        bool some = false;
        for (int window = 0; window < count; window++)
        {
            if (windows.MaskOfWindow(window) is not { } mask) continue;
            mask.CopyTo(all.AsSpan(window * n * n));
            some = true;
        }

        return some ? _graph.Constant($"/{scope}/mask", all, count, n, n) : null;
    }
}
