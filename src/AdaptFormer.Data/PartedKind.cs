using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Data;

/// <summary>A kind of data whose folder holds several parts.</summary>
/// <param name="Names">What the parts are called.</param>
/// <param name="Train">The one that trains when none is named.</param>
/// <param name="Test">The one that tests when none is named.</param>
/// <param name="OpenPart">Opens a part: from the folder, the part, and the folder of the videos where it lies elsewhere.</param>
/// <param name="OfClips">Whether the items are clips.</param>
internal sealed record PartedKind(
    IReadOnlyList<string> Names, string Train, string Test, Func<string, string, string?, LabelledDataset> OpenPart, bool OfClips = false)
{
    /// <summary>Opens <c>folder</c>, <c>folder#part</c> or <c>folder#part+part</c>.</summary>
    /// <exception cref="ArgumentException">There is no such part.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public LabelledDataset Open(string kind, string path, bool train, string? root)
    {
        int mark = path.LastIndexOf('#');
        string folder = mark < 0 ? path : path[..mark];
        string[] parts = mark < 0 ? [train ? Train : Test] : path[(mark + 1)..].Split('+');
        string? unknown = Array.Find(parts, part => !Names.Contains(part));
        if (unknown is not null)
            throw new ArgumentException(
                $"Data '{kind}:{path}': there is no part '{unknown}'; its parts: {string.Join(", ", Names)}.", nameof(path));
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException(
                $"There is no folder '{folder}'; {kind} is read from the folder that its archive unpacks to.");
        return ConcatDataset.Of([.. parts.Select(part => OpenPart(folder, part, root))]);
    }
}
