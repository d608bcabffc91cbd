using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;

namespace AdaptFormer.Cli.Commands;

/// <summary>The recipe for data that are all that a call names: which shipped one, with which edits, and what to say about it.</summary>
/// <param name="Recipe">The shipped recipe.</param>
/// <param name="Edits">Edits of its data.</param>
/// <param name="Notes">What was found and decided.</param>
internal sealed record DataRecipe(string Recipe, IReadOnlyList<string> Edits, IReadOnlyList<string> Notes)
{
    /// <summary>The recipe for pictures.</summary>
    public const string Pictures = "image-folder";

    /// <summary>The recipe for clips.</summary>
    public const string Clips = "clip-folder";

    /// <summary>Looks at what there is: pictures or clips, and which parts.</summary>
    /// <param name="data">A folder or list, or <c>kind:path</c>.</param>
    /// <exception cref="FileNotFoundException">There is no such folder or list.</exception>
    /// <exception cref="InvalidDataException">The folder is divided only in part.</exception>
    public static DataRecipe Of(string data)
    {
        bool clips = DatasetSource.MeansClips(data);
        (string recipe, string what) = clips ? (Clips, "clips") : (Pictures, "pictures");
        IReadOnlyList<(string Part, string Path)> parts = SplitFolders.In(data, clips);
        if (parts.Count == 0) return WithoutParts(data, recipe, what, clips);

        string? train = Part(SplitFolders.Train), validation = Part(SplitFolders.Validation), test = Part(SplitFolders.Test);
        if (train is null)
            throw new InvalidDataException($"{data} has {string.Join(" and ", parts.Select(part => part.Path))} and no part to train on.");
        List<string> edits = [$"data.train={train}", $"data.test={test ?? "null"}"], notes = [$"{what} in {data}: {train} trains"];
        if (validation is not null)
        {
            edits.AddRange([$"data.validation={validation}", "data.validation_fraction=0"]);
            notes[0] += $", {validation} chooses the best epoch";
        }
        else
        {
            notes[0] += ", a part of it chooses the best epoch";
        }

        notes[0] += test is null ? ", nothing tests (--test PATH)" : $", {test} tests";
        return new DataRecipe(recipe, edits, notes);

        string? Part(string name) => parts.FirstOrDefault(part => part.Part == name).Path;
    }

    // One set: a list, class folders, or a data set whose kind knows its own test part.
    private static DataRecipe WithoutParts(string data, string recipe, string what, bool clips)
    {
        bool tested = DatasetSource.OpenParts(data, clips: clips).Any(part => part.Part == SplitFolders.Test);
        return new DataRecipe(
            recipe, [$"data.train={data}", $"data.test={(tested ? data : "null")}"],
            [
                $"{what} in {data}: a part of them chooses the best epoch, "
                + (tested ? "its test part tests" : "nothing tests (--test PATH)"),
            ]);
    }
}
