using System.Globalization;
using System.Text.Json;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Video;

/// <summary>How a video is to be shown: the matrix in its container, or the number of degrees that older files have.</summary>
internal static class DisplayMatrix
{
    /// <summary>The orientation that ffprobe tells of a stream; other angles than quarter turns are none.</summary>
    public static Orientation Of(JsonElement stream)
    {
        if (stream.TryGetProperty("side_data_list", out JsonElement sides))
        {
            foreach (JsonElement side in sides.EnumerateArray())
            {
                if (side.TryGetProperty("displaymatrix", out JsonElement matrix) && Read(matrix.GetString() ?? "") is { } found)
                    return found;
                if (side.TryGetProperty("rotation", out JsonElement degrees) && degrees.TryGetInt32(out int left)) return Turned(-left);
            }
        }

        return stream.TryGetProperty("tags", out JsonElement tags) && tags.TryGetProperty("rotate", out JsonElement tag)
            && int.TryParse(tag.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int right)
            ? Turned(right)
            : Orientation.Normal;
    }

    /// <summary>From three lines of a number and three columns: (x, y) is shown at (a·x + c·y, b·x + d·y).</summary>
    private static Orientation? Read(string text)
    {
        int[][] rows =
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..])
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(numbers =>
                    numbers.Select(number => int.TryParse(number, CultureInfo.InvariantCulture, out int n) ? Math.Sign(n) : 2).ToArray()),
        ];
        if (rows.Length < 2 || rows[0].Length < 2 || rows[1].Length < 2) return null;
        return (rows[0][0], rows[0][1], rows[1][0], rows[1][1]) switch
        {
            (-1, 0, 0, 1) => Orientation.Mirrored,
            (-1, 0, 0, -1) => Orientation.UpsideDown,
            (1, 0, 0, -1) => Orientation.Flipped,
            (0, 1, 1, 0) => Orientation.Transposed,
            (0, 1, -1, 0) => Orientation.QuarterRight,
            (0, -1, -1, 0) => Orientation.Transversed,
            (0, -1, 1, 0) => Orientation.QuarterLeft,
            _ => Orientation.Normal,
        };
    }

    private static Orientation Turned(int degreesRight) => (((degreesRight % 360) + 360) % 360) switch
    {
        90 => Orientation.QuarterRight,
        180 => Orientation.UpsideDown,
        270 => Orientation.QuarterLeft,
        _ => Orientation.Normal,
    };
}
