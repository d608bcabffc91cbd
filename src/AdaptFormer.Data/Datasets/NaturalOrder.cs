namespace AdaptFormer.Data.Datasets;

/// <summary>Orders names as people do: digits that stand together are compared as numbers, so <c>frame2</c> comes ahead of <c>frame10</c>;
/// all else is ordinal.</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    private NaturalOrder()
    {
    }

    /// <summary>The one instance.</summary>
    public static NaturalOrder Comparer { get; } = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> a = x, b = y;
        while (!a.IsEmpty && !b.IsEmpty)
        {
            int order = char.IsAsciiDigit(a[0]) && char.IsAsciiDigit(b[0])
                ? CompareNumbers(Number(ref a), Number(ref b))
                : Take(ref a).CompareTo(Take(ref b));
            if (order != 0) return order;
        }

        return a.Length != b.Length ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(x, y);      // the latter: 01 and 1
    }

    private static int CompareNumbers(ReadOnlySpan<char> a, ReadOnlySpan<char> b) => a.Length != b.Length
        ? a.Length.CompareTo(b.Length)
        : a.SequenceCompareTo(b);

    private static char Take(ref ReadOnlySpan<char> text)
    {
        char first = text[0];
        text = text[1..];
        return first;
    }

    /// <summary>Takes the digits at the start of a text; without leading zeros, a longer number is a larger one.</summary>
    private static ReadOnlySpan<char> Number(ref ReadOnlySpan<char> text)
    {
        int end = text.IndexOfAnyExceptInRange('0', '9');
        ReadOnlySpan<char> digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        return digits.TrimStart('0');
    }
}
