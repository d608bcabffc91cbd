using System.Numerics;

namespace AdaptFormer.Data.Images;

/// <summary>
/// PNG's five row filters: each byte is stored as its difference from a prediction made of its left, upper and upper left neighbours.
/// </summary>
internal static class PngFilter
{
    public const int None = 0, Sub = 1, Up = 2, Average = 3, Paeth = 4;

    /// <summary>Restores a row in place.</summary>
    /// <param name="filter">Filter type, the row's first byte in the file.</param>
    /// <param name="row">The row, without its filter byte.</param>
    /// <param name="above">The restored row above; zeros for the first.</param>
    /// <param name="step">Distance to the left neighbour in bytes.</param>
    /// <returns>Whether <paramref name="filter"/> is one of the five.</returns>
    public static bool Undo(int filter, Span<byte> row, ReadOnlySpan<byte> above, int step)
    {
        switch (filter)
        {
            case None:
                return true;
            case Sub:
                for (int i = step; i < row.Length; i++) row[i] += row[i - step];
                return true;
            case Up:
                UndoUp(row, above);
                return true;
            case Average:
                for (int i = 0; i < row.Length; i++) row[i] += (byte)(((i < step ? 0 : row[i - step]) + above[i]) >> 1);
                return true;
            case Paeth:
                int first = Math.Min(step, row.Length);
                for (int i = 0; i < first; i++) row[i] += above[i];
                for (int i = step; i < row.Length; i++) row[i] += Predict(row[i - step], above[i], above[i - step]);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The neighbour nearest to left + up - upper left; ties go to left, then up.</summary>
    public static byte Predict(int left, int up, int upperLeft)
    {
        int toLeft = Math.Abs(up - upperLeft), toUp = Math.Abs(left - upperLeft), toUpperLeft = Math.Abs(left + up - (2 * upperLeft));
        return (byte)(toLeft <= toUp && toLeft <= toUpperLeft ? left : toUp <= toUpperLeft ? up : upperLeft);
    }

    private static void UndoUp(Span<byte> row, ReadOnlySpan<byte> above)
    {
        int lanes = Vector<byte>.Count, i = 0;
        for (; i <= row.Length - lanes; i += lanes)
            (new Vector<byte>(row[i..]) + new Vector<byte>(above[i..])).CopyTo(row[i..]);
        for (; i < row.Length; i++) row[i] += above[i];
    }
}
