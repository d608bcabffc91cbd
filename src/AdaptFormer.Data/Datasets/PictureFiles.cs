using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Datasets;

/// <summary>Which files are pictures by their ending; what a file really is, its first bytes say when it is read.</summary>
internal static class PictureFiles
{
    private static Tuple<IReadOnlyList<ImageFormat>, HashSet<string>>? _known;

    /// <summary>The endings of all formats that can be read, with their dots.</summary>
    public static IReadOnlyCollection<string> Endings => Known;

    private static HashSet<string> Known
    {
        get
        {
            IReadOnlyList<ImageFormat> formats = ImageFormats.Known;      // another list when a format was added
            if (_known is { } known && ReferenceEquals(known.Item1, formats)) return known.Item2;
            HashSet<string> all = new(ImageFormats.Extensions, StringComparer.OrdinalIgnoreCase);
            _known = Tuple.Create(formats, all);
            return all;
        }
    }

    /// <summary>Whether a file's ending is that of a picture.</summary>
    public static bool IsPicture(string path) => Known.Contains(Path.GetExtension(path));

    /// <summary>Whether a file may be a frame of a clip: a picture, and no animation that is a clip itself.</summary>
    public static bool IsFrame(string path) => IsPicture(path) && !VideoFileDataset.IsVideo(path);

    /// <summary>The file that a list means, whose paths may lack the ending; the path itself if there is none.</summary>
    public static string Locate(string path) =>
        IsPicture(path) || File.Exists(path) ? path : Known.Select(ending => path + ending).FirstOrDefault(File.Exists) ?? path;
}
