using AdaptFormer.Files;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>A file's weights under our names: wrappers taken off, the naming recognised by what it holds and never by the file's
/// name.</summary>
internal sealed class BackboneNames
{
    // Every backbone has one of these; what stands ahead of it stands ahead of all its names.
    private static readonly string[] Anchors = [.. NameMaps.All.Select(map => map.TheirName("patch_embed.proj.weight")).Distinct()];
    private static readonly string[] HeadWords = ["head.", "heads.", "head_dist.", "classifier.", "cls_classifier.",
        "distillation_classifier.", "fc_norm.", "cls_head."];

    private BackboneNames(StateDict ours, NameMap map, string wrapper, IReadOnlyList<string> outside) =>
        (Ours, Map, Wrapper, Outside) = (ours, map, wrapper, outside);

    /// <summary>The weights under our names.</summary>
    public StateDict Ours { get; }

    /// <summary>Whose names the file uses.</summary>
    public NameMap Map { get; }

    /// <summary>The prefix that was taken off.</summary>
    public string Wrapper { get; }

    /// <summary>Names that lie outside of the wrapper and belong to something else.</summary>
    public IReadOnlyList<string> Outside { get; }

    /// <summary>Recognises the naming of <paramref name="file"/>.</summary>
    /// <param name="file">The file's weights.</param>
    /// <param name="path">For messages.</param>
    /// <param name="prefix">What stands ahead of the names; found if null.</param>
    /// <exception cref="InvalidDataException">There is no backbone in the file, or several, or a distilled one.</exception>
    public static BackboneNames Of(StateDict file, string path, string? prefix)
    {
        if (JaxVit.Recognises(file)) file = Named(path, () => JaxVit.ToTimm(file));
        UnsupportedModels.Refuse(file, path);
        // A family of another project may have none of the usual names; its weights are under its own.
        if (prefix is null && !file.Weights.Keys.Any(IsAnchor) && BackboneFamily.Of(file) is not null)
            return new BackboneNames(file, NameMaps.Timm, "", []);
        string wrapper = prefix ?? FindWrapper(file, path);

        List<string> outside = [];
        StateDict inner = file.Renamed(name =>
        {
            if (name.StartsWith(wrapper, StringComparison.Ordinal)) return name[wrapper.Length..];
            string? head = HeadBeside(name, wrapper);
            if (head is null) outside.Add(name);
            return head;
        });
        if (prefix is not null && !inner.Weights.Keys.Any(IsAnchor))
            throw new InvalidDataException($"{path}: what stands under '{BadFile.Shorten(prefix)}' is no vision transformer: no name "
                + $"there ends with {string.Join(" or ", Anchors)}.");
        NameMap map = NameMaps.All.MaxBy(candidate => candidate.Hits(inner))!;
        return new BackboneNames(Named(path, () => RegisterTokens.WithoutPlaces(map.ToOurs(inner))), map, wrapper, outside);
    }

    /// <summary>Whether a name is one that every vision transformer has, perhaps behind a prefix.</summary>
    public static bool IsAnchor(string name) => Wrappers(name).Any();

    private static StateDict Named(string path, Func<StateDict> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private static string FindWrapper(StateDict file, string path)
    {
        string[] found = [.. file.Weights.Keys.SelectMany(Wrappers).Distinct()];
        if (found.Length == 1) return found[0];
        if (found.Length == 0)
        {
            string shown = string.Join(", ", file.Weights.Keys.Take(3).Select(BadFile.Shorten));
            throw new InvalidDataException(
                $"{path}: it holds no vision transformer: no name ends with "
                + $"{string.Join(" or ", Anchors)}{(shown.Length > 0 ? $"; its first names are {shown}" : "; it is empty")}.");
        }

        throw new InvalidDataException(
            $"{path}: it holds several models, under {string.Join(", ", found.Select(prefix => $"'{BadFile.Shorten(prefix)}'"))}; say "
            + "which by its prefix (model.prefix in a recipe, --prefix).");
    }

    /// <summary>What stands ahead of the model that a name belongs to, if every model has a weight of that name.</summary>
    public static IEnumerable<string> Wrappers(string name)
    {
        foreach (string anchor in Anchors)
        {
            if (name == anchor || name.EndsWith($".{anchor}", StringComparison.Ordinal)) yield return name[..^anchor.Length];
        }
    }

    /// <summary>A head often lies beside the wrapped backbone: <c>vit.…</c> and <c>classifier.…</c>, or <c>module.backbone.…</c> and
    /// <c>module.head.…</c>.</summary>
    private static string? HeadBeside(string name, string wrapper)
    {
        string[] parts = wrapper.TrimEnd('.').Split('.');
        for (int keep = parts.Length - 1; keep >= 0; keep--)
        {
            string outer = keep == 0 ? "" : $"{string.Join('.', parts[..keep])}.";
            if (!name.StartsWith(outer, StringComparison.Ordinal)) continue;
            string rest = name[outer.Length..];
            return HeadWords.Any(word => rest.StartsWith(word, StringComparison.Ordinal)) ? rest : null;
        }

        return null;
    }
}
