using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Shards;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Distributed;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Runs;

/// <summary>The loaders that a recipe asks for: training, validation (taken from the training data, or of its own), test.</summary>
public sealed class RecipeData : IDisposable
{
    private RecipeData(DataLoader train, DataLoader? validation, DataLoader? test, IReadOnlyList<string> classNames) =>
        (Train, Validation, Test, ClassNames) = (train, validation, test, classNames);

    /// <summary>Shuffled batches to learn from.</summary>
    public DataLoader Train { get; }

    /// <summary>The pictures set aside to choose the best epoch; null for none.</summary>
    public DataLoader? Validation { get; }

    /// <summary>The pictures scored at the end; null for none.</summary>
    public DataLoader? Test { get; }

    /// <summary>Names of the classes, in the order of the labels.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether an item may have several classes.</summary>
    public bool MultiLabel => Train.MultiLabel;

    /// <summary>What was left out of the data, for people; mostly nothing.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    private IDisposable? Cache { get; init; }

    /// <summary>Pictures of validation and test that could not be read so far, with the reason.</summary>
    public IEnumerable<(int Index, string Reason)> Unreadable =>
        [.. Validation?.UnreadablePictures ?? [], .. Test?.UnreadablePictures ?? []];

    /// <param name="recipe">The recipe.</param>
    /// <param name="pictures">What the model's pictures must look like.</param>
    /// <param name="input">Shape of one input: [3, S, S] for pictures, [3, T, S, S] for clips.</param>
    /// <param name="ranks">The processes that share the batches; this one alone if null.</param>
    public static RecipeData Open(Recipe recipe, Preprocessing pictures, Shape input, Collective? ranks = null)
    {
        bool clips = input.Rank == 4;
        DataOptions options = recipe.Data;
        if (options.Kind != DataOptions.Auto && DatasetSource.ClipKinds.Contains(options.Kind) != clips)
            throw new ArgumentException(
                $"data.kind '{options.Kind}' has {(clips ? "pictures" : "clips")}, and the model reads {(clips ? "clips" : "pictures")} "
                    + $"{input}.");
        List<string> notes = [];
        LabelledDataset train = Usable(options, Open(options.Train, options.Clip.Root, train: true, classNames: null), notes);
        LabelledDataset? test = options.Test is null
            ? null
            : Usable(options, Open(options.Test, options.Clip.TestRoot ?? options.Clip.Root, train: false, train.ClassNames), notes);
        (LabelledDataset kept, SubsetDataset? aside) = (train, null);
        if (options.ValidationFraction > 0) (kept, aside) = DatasetSplits.Stratified(train, options.ValidationFraction, recipe.Seed);
        LabelledDataset? validation = options.Validation is { } path
            ? Usable(options, Open(path, options.Clip.Root, train: false, train.ClassNames), notes)
            : aside;
        CachedDataset? cache = options.Packed is { } folder ? ItemCache.Open(train, folder) : null;
        if (cache is not null) kept = aside is null ? cache : new SubsetDataset(cache, ((SubsetDataset)kept).Indices, "training part");
        TransformOptions transform = options.TransformFor(pictures, input);
        (ImageTransform learning, ImageTransform scoring) =
            (ImageTransform.ForTraining(transform), ImageTransform.ForEvaluation(transform));
        return Of(
            recipe, train, new ItemSamples(kept, learning), validation is null ? null : new ItemSamples(validation, scoring),
            test is null ? null : new ItemSamples(test, scoring), notes, cache, ranks ?? Collective.Single);

        LabelledDataset Open(string path, string? root, bool train, IReadOnlyList<string>? classNames) =>
            DatasetSource.Open($"{options.Kind}:{path}", train, classNames, clips ? root : null, clips);
    }

    private static LabelledDataset Usable(DataOptions options, LabelledDataset data, List<string> notes)
    {
        notes.AddRange(data.Notes.Select(note => $"{note}."));
        if (data.LeftOutText is { } leftOut) notes.Add($"{data.Name}: {leftOut}.");
        if (options.Missing == MissingItems.LeaveOut) data = Without(DatasetSplits.WithoutMissing, "are not there", "missing");
        return options.Damaged == MissingItems.LeaveOut ? Without(DatasetCheck.WithoutDamaged, "cannot be read", "damaged") : data;

        LabelledDataset Without(Func<LabelledDataset, LabelledDataset> leaveOut, string why, string key)
        {
            LabelledDataset rest = leaveOut(data);
            if (rest.Count < data.Count)
                notes.Add($"{data.Name}: {data.Count - rest.Count} of {data.Count} items {why} and are left out (data.{key}).");
            return rest;
        }
    }

    private static RecipeData Of(
        Recipe recipe, LabelledDataset train, SampleMaker kept, SampleMaker? aside, SampleMaker? test, IReadOnlyList<string> notes,
            IDisposable? cache, Collective ranks)
    {
        if (test is not null) DatasetSplits.RequireSameClasses(train, test.Data);
        if (recipe.Data.Validation is not null && aside is not null) DatasetSplits.RequireSameClasses(train, aside.Data);
        if (test is { Data.MultiLabel: true } && !train.MultiLabel)
        {
            throw new InvalidDataException(
                $"{test.Data.Name} has several classes an item, {train.Name} one: training and test data must be of one kind.");
        }

        if (!train.MultiLabel && train.CountPerClass().Count(n => n > 0) is 1 or 0)
        {
            throw new InvalidDataException(
                $"{train.Name} has items of one class alone ({train.ClassNames[Math.Max(0, train.Label(0))]}): whatever a model answers is "
                    + $"right, and it learns nothing. "
                + "Name a folder or list with two classes or more.");
        }

        // An epoch leaves out a last short batch, which BatchNorm would weigh as much as a full one; small sets are one batch.
        int batch = Math.Min(recipe.Batch, kept.Count);
        LoaderOptions learning =
            new(batch, Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed, MultiLabel: train.MultiLabel,
                Balanced: recipe.Data.Balanced)
            { Rank = ranks.Rank, WorldSize = ranks.Size };
        LoaderOptions scoring =
            new(recipe.Batch, Shuffle: false, DropLast: false, recipe.Workers, Unreadable: UnreadableImages.CountAsWrong,
                MultiLabel: train.MultiLabel)
            { Rank = ranks.Rank, WorldSize = ranks.Size };
        return new RecipeData(
            new DataLoader(kept, learning),
            aside is { Count: > 0 } ? new DataLoader(aside, scoring) : null,
            test is null ? null : new DataLoader(test, scoring),
            train.ClassNames)
        { Cache = cache, Notes = notes };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test?.Dispose();
        Cache?.Dispose();
    }
}
