using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Tensors;

namespace AdaptFormer.Runs.Caching;

/// <summary>
/// The digest of everything that kept tensors depend on: weights and sizes of the model, the place of the cut, the arithmetic, the
/// transform, the draw of its random part,
/// and the data: every picture's label, source, and length and time of change of the file that holds it.
/// </summary>
internal static class PrefixKey
{
    /// <summary>The digest, hexadecimal.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cut">Where the pass is cut.</param>
    /// <param name="loader">The data and their transform.</param>
    /// <param name="view">Which draw of a random transform, from 0; null for a fixed one.</param>
    /// <param name="type">How elements are stored.</param>
    /// <param name="inBytes">Whether they are made in 8 bits.</param>
    public static string Of(Backbone model, int cut, DataLoader loader, int? view, DataType type, bool inBytes)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, $"prefix {PrefixHeader.CurrentFormat}");
        Add(hash, model.ContentDigest());
        Add(hash, model.Config.Sizes.ToJson());
        Add(hash, $"cut {cut}, {model.Compute}, {Backend.Current.Name}, stored as {type}{(inBytes ? ", made in 8 bits" : "")}");
        Add(hash, loader.Samples.Description);
        Add(hash, view is { } v ? string.Create(CultureInfo.InvariantCulture, $"view {v} of seed {loader.Options.Seed}") : "fixed");
        AddData(hash, loader.Dataset, loader.Samples.Views);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AddData(IncrementalHash hash, LabelledDataset data, int views)
    {
        Add(hash, string.Create(CultureInfo.InvariantCulture, $"{data.Name}, {views} views"));
        Dictionary<string, string> files = new(StringComparer.Ordinal);
        for (int i = 0; i < data.Count; i++)
        {
            string path = data.FileOf(i);
            if (!files.TryGetValue(path, out string? state))
            {
                FileInfo file = new(path);
                files[path] = state = file.Exists
                    ? string.Create(CultureInfo.InvariantCulture, $"{file.Length} {file.LastWriteTimeUtc.Ticks}") : "";
            }

            Add(hash, string.Create(CultureInfo.InvariantCulture, $"{string.Join('|', data.Labels(i))} {data.Source(i)} {state}"));
        }
    }

    private static void Add(IncrementalHash hash, string text)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(text));
        hash.AppendData("\n"u8);
    }
}
