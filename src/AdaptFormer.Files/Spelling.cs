namespace AdaptFormer.Files;

/// <summary>Guesses what a misspelt word should have been.</summary>
public static class Spelling
{
    /// <summary>For example <c>'bottlneck' is not known (did you mean 'bottleneck'?); known: bottleneck, scale</c>.</summary>
    /// <param name="what">What the word stands for, put before it; may be empty.</param>
    /// <param name="word">The word.</param>
    /// <param name="known">All words that would be right.</param>
    public static string Unknown(string what, string word, IReadOnlyCollection<string> known)
    {
        string guess = Nearest(word, known) is { } nearest ? $" (did you mean '{nearest}'?)" : "";
        return $"{what}{(what.Length > 0 ? " " : "")}'{word}' is not known{guess}; known: {string.Join(", ", known)}";
    }

    /// <summary>The known word fewest edits away, if it is near enough to be meant.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        int limit = Math.Max(1, Math.Min(3, word.Length / 3));
        (string? nearest, int least) = (null, limit + 1);
        foreach (string candidate in known)
        {
            int edits = Distance(word, candidate);
            if (edits < least) (nearest, least) = (candidate, edits);
        }

        return nearest;
    }

    // Levenshtein's distance with swapped neighbours as one edit: insertions, deletions, replacements, swaps.
    private static int Distance(string a, string b)
    {
        int[,] edits = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) edits[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) edits[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = edits[i - 1, j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1);
                edits[i, j] = Math.Min(replace, Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1);
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
            }
        }

        return edits[a.Length, b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
