using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Tests.Data;

/// <summary>Opens data as a model for clips does.</summary>
internal static class Clips
{
    public static LabelledDataset Open(string spec, string? root = null, IReadOnlyList<string>? classNames = null, bool train = true) =>
        DatasetSource.Open(spec, train, classNames, root, clips: true);
}
