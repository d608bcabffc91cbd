using AdaptFormer.Files;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Which of the models in a weights file is meant: many training programs keep a moving average, or a teacher, beside the weights.
/// </summary>
/// <param name="File">The open file, at the dictionary of that model.</param>
/// <param name="Names">Its weights under our names.</param>
/// <param name="Others">What else in the file holds a model, as <c>prefix</c> would name it; empty where the caller chose.</param>
internal sealed record ModelInFile(WeightsFile File, BackboneNames Names, IReadOnlyList<string> Others)
{
    /// <summary>Opens a file and finds the model in it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="prefix">What stands ahead of the model's names, or the key of the dictionary that holds it (<c>model_ema</c>); found if
    /// null.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged, holds no model or several, or none where the prefix says.</exception>
    public static ModelInFile Open(string path, string? prefix)
    {
        WeightsFile file = WeightsFile.Open(path);
        try
        {
            string[] others = ModelsBeside(file);
            string? within = prefix is null ? null : prefix.Length == 0 || prefix.EndsWith('.') ? prefix : $"{prefix}.";
            if (within is not null && !Holds(file, within))
            {
                string? container = others.Append(file.Container)
                    .Where(key => key.Length > 0 && within.StartsWith($"{key}.", StringComparison.Ordinal)).MaxBy(key => key.Length);
                if (container is null) throw NothingThere(file, prefix!, others);
                within = within.Length == container.Length + 1 ? null : within[(container.Length + 1)..];
                if (container != file.Container)
                {
                    file.Dispose();
                    file = PyTorchFile.Open(path, container);
                    others = ModelsBeside(file);
                }

                if (within is not null && !Holds(file, within)) throw NothingThere(file, prefix!, others);
            }

            BackboneNames names = BackboneNames.Of(StateDict.Of(file), file.Path, within);
            return new ModelInFile(file, names, prefix is null ? others : []);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The keys of the dictionary and the prefix that stood ahead of the names; empty when there was nothing.</summary>
    public string Wrapper => File.Container.Length == 0 ? Names.Wrapper : $"{File.Container} / {Names.Wrapper}".TrimEnd(' ', '/');

    /// <summary>The others in words, with the way to them; null where there are none.</summary>
    public string? OthersNote => Others.Count == 0 ? null
        : $"the file also holds {string.Join(", ", Others.Select(key => $"'{BadFile.Shorten(key)}'"))} beside '{File.Container}', which "
        + "was taken; choose with prefix (model.prefix in a recipe, --prefix)";

    private static bool Holds(WeightsFile file, string prefix) =>
        file.Entries.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private static string[] ModelsBeside(WeightsFile file) =>
        [.. file.Beside.Where(entry => entry.Value.Any(BackboneNames.IsAnchor)).Select(entry => entry.Key)];

    private static InvalidDataException NothingThere(WeightsFile file, string prefix, string[] others)
    {
        IEnumerable<string> there = file.Entries.Keys.SelectMany(BackboneNames.Wrappers).Distinct()
            .Select(wrapper => Join(file.Container, wrapper)).Concat(others);
        string[] shown =
            [.. there.Distinct().Take(8).Select(key => key.Length == 0 ? "a model without a prefix" : $"'{BadFile.Shorten(key)}'")];
        return new InvalidDataException(
            $"{file.Path}: nothing in it stands under '{BadFile.Shorten(prefix)}'; "
            + $"{(shown.Length > 0 ? $"it holds {string.Join(", ", shown)}" : "it holds no vision transformer")}.");
    }

    private static string Join(string container, string wrapper) =>
        container.Length == 0 || wrapper.Length == 0 ? container + wrapper : $"{container}.{wrapper}";
}
