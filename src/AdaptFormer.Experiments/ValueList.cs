namespace AdaptFormer.Experiments;

/// <summary>Values in one text, with commas between them.</summary>
internal static class ValueList
{
    /// <summary>The values; commas inside brackets or quotes belong to a value.</summary>
    public static List<string> Split(string text)
    {
        List<string> values = [];
        int depth = 0, start = 0;
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '"') quoted = !quoted;
            else if (!quoted && c is '[' or '{' or '(') depth++;
            else if (!quoted && c is ']' or '}' or ')') depth--;
            if (c != ',' || quoted || depth > 0) continue;
            values.Add(text[start..i].Trim());
            start = i + 1;
        }

        values.Add(text[start..].Trim());
        return values;
    }
}
