using AdaptFormer.Data;
using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Training;

/// <summary>The loaders that a recipe asks for: training, validation taken from the training data, test.</summary>
internal sealed class RecipeData : IDisposable
{
    private RecipeData(DataLoader train, DataLoader? validation, DataLoader? test, IReadOnlyList<string> classNames) =>
        (Train, Validation, Test, ClassNames) = (train, validation, test, classNames);

    public DataLoader Train { get; }

    public DataLoader? Validation { get; }

    public DataLoader? Test { get; }

    public IReadOnlyList<string> ClassNames { get; }

    private CachedDataset? Cache { get; init; }

    /// <summary>Pictures of validation and test that could not be read so far, with the reason.</summary>
    public IEnumerable<(int Index, string Reason)> Unreadable => [.. Validation?.UnreadablePictures ?? [], .. Test?.UnreadablePictures ?? []];

    public static RecipeData Open(Recipe recipe, TransformOptions transform)
    {
        DataOptions options = recipe.Data;
        ImageDataset train = DatasetSource.Open($"{options.Kind}:{options.Train}");
        ImageDataset? test = options.Test is null ? null : DatasetSource.Open($"{options.Kind}:{options.Test}", train: false, train.ClassNames);
        if (test is not null) DatasetSplits.RequireSameClasses(train, test);
        (ImageDataset kept, ImageDataset? aside) = options.ValidationFraction > 0
            ? DatasetSplits.Stratified(train, options.ValidationFraction, recipe.Seed)
            : (train, (ImageDataset?)null);

        CachedDataset? cache = options.Packed is { } folder ? ImageCache.Open(train, folder) : null;
        if (cache is not null) kept = kept is SubsetDataset part ? new SubsetDataset(cache, part.Indices, "training part") : cache;

        // An epoch leaves out a last short batch, which BatchNorm would weigh as much as a full one; small sets are one batch.
        int batch = Math.Min(recipe.Batch, kept.Count);
        LoaderOptions learning = new(batch, Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed);
        LoaderOptions scoring = new(recipe.Batch, Shuffle: false, DropLast: false, recipe.Workers, Unreadable: UnreadableImages.CountAsWrong);
        return new RecipeData(
            new DataLoader(kept, ImageTransform.ForTraining(transform), learning),
            aside is { Count: > 0 } ? new DataLoader(aside, ImageTransform.ForEvaluation(transform), scoring) : null,
            test is null ? null : new DataLoader(test, ImageTransform.ForEvaluation(transform), scoring),
            train.ClassNames) { Cache = cache };
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test?.Dispose();
        Cache?.Dispose();
    }
}
