using System.Globalization;
using System.Text;
using AdaptFormer.Data.Images;
using AdaptFormer.Files;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>What TensorBoard's projector reads: vectors and names as tables, thumbnails as one picture, and a file that says where they
/// are.</summary>
internal static class Projector
{
    private const int ThumbnailSide = 32;
    private const string Vectors = "features.tsv", Names = "labels.tsv", Thumbnails = "thumbnails.png";

    /// <summary>Writes the four files.</summary>
    /// <param name="folder">Where the event file is.</param>
    /// <param name="set">The features.</param>
    /// <param name="classes">Names of the classes.</param>
    public static void Write(string folder, FeatureSet set, IReadOnlyList<string> classes)
    {
        StringBuilder vectors = new(), names = new("class\titem\n");
        for (int i = 0; i < set.Count; i++)
        {
            vectors.AppendJoin('\t', set.Row(i).Select(value => value.ToString("G6", CultureInfo.InvariantCulture))).Append('\n');
            string label = set.Labels[i] >= 0 ? classes[set.Labels[i]] : "";
            names.Append(Clean(label)).Append('\t').Append(Clean(set.Data.Source(set.Items[i]))).Append('\n');
        }

        AtomicFile.WriteAllText(Path.Combine(folder, Vectors), vectors.ToString());
        AtomicFile.WriteAllText(Path.Combine(folder, Names), names.ToString());
        WriteThumbnails(Path.Combine(folder, Thumbnails), set);
        AtomicFile.WriteAllText(Path.Combine(folder, "projector_config.pbtxt"), $$"""
            embeddings {
              tensor_name: "features of test items"
              tensor_path: "{{Vectors}}"
              metadata_path: "{{Names}}"
              sprite {
                image_path: "{{Thumbnails}}"
                single_image_dim: {{ThumbnailSide}}
                single_image_dim: {{ThumbnailSide}}
              }
            }

            """);
    }

    // Row by row in a square, as the projector cuts it up again.
    private static void WriteThumbnails(string path, FeatureSet set)
    {
        int across = (int)Math.Ceiling(Math.Sqrt(set.Count));
        using ImageBuffer all = new(across * ThumbnailSide, across * ThumbnailSide), one = new();
        all.Pixels.Clear();
        using Thumbnail thumbnail = new(set.Orientation);
        for (int i = 0; i < set.Count; i++)
        {
            thumbnail.Load(set.Data, set.Items[i], ThumbnailSide, 1, one);
            (int row, int column) = Math.DivRem(i, across);
            for (int y = 0; y < ThumbnailSide; y++)
                one.Row(y).CopyTo(all.Row((row * ThumbnailSide) + y)[(column * ThumbnailSide * 3)..]);
        }

        PngWriter.Save(path, all);
    }

    private static string Clean(string text) => text.Replace('\t', ' ').Replace('\n', ' ').Replace('\r', ' ');
}
