namespace AdaptFormer.Tests.Support;

/// <summary>The tables of a terminal's screen without their frames: how wide a column is, and where a cell breaks, may hang on the machine.</summary>
internal static class TableRows
{
    /// <summary>Stands between the cells of a row.</summary>
    public const string Between = " | ";

    /// <summary>Lines with each row of a table as one, its broken cells whole; all other lines as they are.</summary>
    public static IEnumerable<string> Of(IEnumerable<string> lines)
    {
        string[]? row = null;
        foreach (string line in lines)
        {
            string[]? cells = line.StartsWith('│') ? [.. line.Split('│')[1..^1].Select(cell => cell.Trim())] : null;
            if (row is not null && cells is ["", ..])
            {
                row = [.. row.Zip(cells, (begun, rest) => $"{begun} {rest}".Trim())];
                continue;
            }

            if (row is not null) yield return string.Join(Between, row);
            row = cells;
            if (cells is null && !line.StartsWith('╭') && !line.StartsWith('├') && !line.StartsWith('╰')) yield return line;
        }

        if (row is not null) yield return string.Join(Between, row);
    }
}
