using AdaptFormer.Data.Images;
using AdaptFormer.Data.Synthetic;

namespace AdaptFormer.Cli.Demo;

/// <summary>Pictures of the demo that people can look at.</summary>
internal static class DemoPictures
{
    private const int Columns = 5, Zoom = 4, Gap = 4;

    /// <summary>Writes one picture of every class, enlarged, side by side, in the order of the labels.</summary>
    public static void SaveClasses(SyntheticShapes pictures, string path)
    {
        int classes = pictures.ClassNames.Count, cell = (pictures.Side * Zoom) + Gap, rows = (classes + Columns - 1) / Columns;
        using ImageBuffer sheet = new((Columns * cell) + Gap, (rows * cell) + Gap), picture = new();
        sheet.Pixels.Fill(byte.MaxValue);
        for (int label = 0; label < classes; label++)
        {
            pictures.Load(label, picture);      // labels go round, so the first pictures are one of each
            Enlarge(picture, sheet, left: Gap + (label % Columns * cell), top: Gap + (label / Columns * cell));
        }

        PngWriter.Save(path, sheet);
    }

    /// <summary>Writes one picture as the model will read it.</summary>
    public static void Save(SyntheticShapes pictures, int index, string path)
    {
        using ImageBuffer picture = new();
        pictures.Load(index, picture);
        PngWriter.Save(path, picture);
    }

    private static void Enlarge(ImageBuffer picture, ImageBuffer sheet, int left, int top)
    {
        for (int y = 0; y < picture.Height * Zoom; y++)
        {
            ReadOnlySpan<byte> from = picture.Row(y / Zoom);
            Span<byte> to = sheet.Row(top + y)[(left * 3)..];
            for (int x = 0; x < picture.Width * Zoom; x++) from.Slice(x / Zoom * 3, 3).CopyTo(to[(x * 3)..]);
        }
    }
}
