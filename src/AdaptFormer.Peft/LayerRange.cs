using System.Globalization;

namespace AdaptFormer.Peft;

/// <summary>Which blocks a method touches, counted from 1 as in the paper's Table 3: <c>all</c>, <c>7-12</c>, <c>1,3,5-8</c>.</summary>
public static class LayerRange
{
    /// <summary>The zero-based block indices that <paramref name="text"/> names, in ascending order.</summary>
    /// <param name="text"><c>all</c>, numbers and ranges separated by commas.</param>
    /// <param name="depth">Number of blocks.</param>
    /// <exception cref="ArgumentException">The text is not of that form or names a block that is not there.</exception>
    public static IReadOnlyList<int> Parse(string text, int depth) =>
        TryParse(text, depth) ?? throw new ArgumentException($"{Fault(text, depth)}.");

    /// <summary>What is wrong with <paramref name="text"/>, as a sentence without its full stop; null if nothing is.</summary>
    internal static string? Fault(string text, int depth) =>
        TryParse(text, depth) is null
            ? $"tuning.layers is '{text}', expected 'all' or blocks between 1 and {depth} such as '7-12' or '1,3,5-8'" : null;

    private static IReadOnlyList<int>? TryParse(string text, int depth)
    {
        if (text == "all") return [.. Enumerable.Range(0, depth)];
        SortedSet<int> blocks = [];
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-', StringSplitOptions.TrimEntries);
            if (ends.Length > 2 || !TryBlock(ends[0], out int first) || !TryBlock(ends[^1], out int last) || first > last) return null;
            for (int block = first; block <= last; block++) blocks.Add(block - 1);
        }

        return [.. blocks];

        bool TryBlock(string word, out int block) =>
            int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out block) && block >= 1 && block <= depth;
    }
}
