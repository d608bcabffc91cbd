using AdaptFormer.Tensors;

namespace AdaptFormer.Export;

/// <summary>Memory [G, N, C] that is being filled with rows from several places; rows that nobody filled hold real numbers.</summary>
/// <param name="shape">[G, N, C].</param>
internal sealed class TracedTokens(Shape shape)
{
    private readonly List<(int Start, int Count, Func<int, int, string> Read)> _parts = [];

    /// <summary>[G, N, C].</summary>
    public Shape Shape => shape;

    /// <summary>Rows come out of a value.</summary>
    /// <param name="start">The first row.</param>
    /// <param name="count">How many.</param>
    /// <param name="read">Names rows of them: the first one, counted from the first of these, and how many.</param>
    public void Put(int start, int count, Func<int, int, string> read)
    {
        Clear(start, count);
        _parts.Add((start, count, read));
    }

    /// <summary>Rows become real numbers.</summary>
    public void Clear(int start, int count)
    {
        int end = start + count;
        foreach ((int from, int n, Func<int, int, string> read) in _parts.ToList())
        {
            if (from + n <= start || from >= end) continue;
            _parts.Remove((from, n, read));
            if (from < start) _parts.Add((from, start - from, read));
            if (from + n > end) _parts.Add((end, from + n - end, (first, some) => read(first + end - from, some)));
        }
    }

    /// <summary>All rows, joined.</summary>
    /// <param name="graph">Where to.</param>
    /// <param name="memory">Shows the memory.</param>
    public string Write(OnnxGraph graph, Tensor memory)
    {
        List<string> parts = [];
        string some = _parts[0].Read(0, _parts[0].Count);
        int at = 0;
        foreach ((int start, int count, Func<int, int, string> read) in _parts.OrderBy(part => part.Start))
        {
            if (start > at) parts.Add(Constant(graph, memory, at, start - at, some));
            parts.Add(read(0, count));
            at = start + count;
        }

        if (at < shape[1]) parts.Add(Constant(graph, memory, at, shape[1] - at, some));
        return parts.Count == 1 ? parts[0] : graph.Node("Concat", [.. parts], new OnnxAttribute("axis", 1L));
    }

    /// <summary>Rows of real numbers, the same for every group, for as many groups as <paramref name="some"/> has.</summary>
    private string Constant(OnnxGraph graph, Tensor memory, int start, int count, string some)
    {
        int width = shape[2], group = shape[1] * width;
        float[] all = memory.ToArray(), first = all[(start * width)..((start + count) * width)];
        for (int g = 1; g < shape[0]; g++)
        {
            if (!all.AsSpan((g * group) + (start * width), first.Length).SequenceEqual(first))
                throw new NotSupportedException("export: the model adds other numbers to each picture of a batch, which a graph "
                    + "cannot say.");
        }

        string groups = graph.Node("Shape", [some], new OnnxAttribute("start", 0L), new OnnxAttribute("end", 1L));
        string axes = graph.Node("Concat", [groups, graph.Numbers(count, width)], new OnnxAttribute("axis", 0L));
        return graph.Node("Expand", [graph.Constant("/rows", first, 1, count, width), axes]);
    }
}
